// SPDX-License-Identifier: MIT OR Apache-2.0
//! A pack is compared with a finished run.

use std::path::Path;

use serde_json::Value;
use vexfs::verdict::evidence::Repetition;

use crate::records::forged;
use crate::records::kept;
use crate::records::packed::kept_pack;

/// The exit status and what was printed.
fn against(run: &Path) -> (i32, Value) {
    let (_dir, pack) = kept_pack();
    let out = kept::validate([
        "reproduce".as_ref(),
        pack.as_path(),
        "--json".as_ref(),
        "--against".as_ref(),
        run,
    ]);
    let errors = String::from_utf8_lossy(&out.stderr);
    let printed = serde_json::from_slice(&out.stdout);
    let printed = printed.unwrap_or_else(|error| panic!("{error}: {errors}"));
    (out.status.code().unwrap(), printed)
}

/// The names of all rows with this outcome.
fn rows<'a>(printed: &'a Value, outcome: &str) -> Vec<&'a str> {
    let rows = printed["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["outcome"] == outcome)
        .map(|row| row["what"].as_str().unwrap())
        .collect()
}

fn row<'a>(printed: &'a Value, what: &str) -> &'a Value {
    let mut rows = printed["rows"].as_array().unwrap().iter();
    rows.find(|row| row["what"] == what)
        .unwrap_or_else(|| panic!("no row {what}: {printed:#}"))
}

#[test]
fn the_same_run_is_reproduced() {
    let (status, printed) = against(kept::run());
    assert_eq!(
        (status, &printed["reproduced"]),
        (0, &true.into()),
        "{printed:#}"
    );
    assert!(rows(&printed, "differs").is_empty(), "{printed:#}");
    let equal = rows(&printed, "equal");
    for what in [
        "bundle",
        "results.json",
        "inherited: vectors",
        "inherited flat: answers in the guest, kernel",
        "case small hnsw: index",
        "case small hnsw: index built on the host",
        "check kernel.answers",
        "guest: median of vexfs flat search, effort 0, kernel on inherited",
        "guest: vexfs hnsw build, in-process on small",
    ] {
        assert!(equal.contains(&what), "{what}: {equal:#?}");
    }
    let within = ["host: median of vexfs flat search, effort 0, fuse on inherited, x in process"];
    assert_eq!(rows(&printed, "within"), within);
}

#[test]
fn another_answer_differs_by_its_name() {
    let run = forged::run(|evidence| {
        forged::another_answer_with_its_hashes(forged::kernel(evidence));
    });
    let (status, printed) = against(&run.path().join("run"));
    assert_eq!((status, &printed["reproduced"]), (1, &false.into()));
    let differs = rows(&printed, "differs");
    let expected = [
        "inherited flat: answers in the guest, kernel",
        "check kernel.answers",
        "results.json",
    ];
    assert_eq!(differs, expected);
    let why = row(&printed, "check kernel.answers")["why"]
        .as_str()
        .unwrap();
    assert!(why.contains("query 0, rank 0"), "{why}");
}

/// A run with one instruction more does not contradict itself; only running again tells.
#[test]
fn one_instruction_more_differs() {
    let run = forged::run(|evidence| forged::kernel(evidence).write_ns += 1);
    let (status, printed) = against(&run.path().join("run"));
    assert_eq!(status, 1);
    let insert = "guest: vexfs flat insert, kernel on inherited";
    assert_eq!(rows(&printed, "differs"), ["results.json", insert]);
}

#[test]
fn counts_of_another_bundle_stand_side_by_side() {
    let run = forged::run(|evidence| {
        let text = evidence.manifest_text.as_mut().unwrap();
        *text = text.replacen("debian", "nixpkgs", 1);
        let manifest = serde_json::from_str(text).unwrap();
        evidence.manifest = Ok(manifest);
        let kernel = forged::kernel(evidence);
        kernel
            .samples_ns
            .iter_mut()
            .flatten()
            .for_each(|ns| *ns += 1000);
    });
    let (status, printed) = against(&run.path().join("run"));
    assert_eq!(status, 0, "{printed:#}");
    let median = row(
        &printed,
        "guest: median of vexfs flat search, effort 0, kernel on inherited",
    );
    assert_eq!(median["outcome"], "not-comparable");
    assert_eq!(median["why"], "not the same: bundle");
    assert_ne!(median["packed"], median["new"]);
    let answers = "inherited flat: answers in the guest, kernel";
    assert_eq!(row(&printed, answers)["outcome"], "equal");

    // Whatever the bundle, the answers are the same.
    let run = forged::run(|evidence| {
        let text = evidence.manifest_text.as_mut().unwrap();
        *text = text.replacen("debian", "nixpkgs", 1);
        let manifest = serde_json::from_str(text).unwrap();
        evidence.manifest = Ok(manifest);
        forged::another_answer_with_its_hashes(forged::kernel(evidence));
    });
    let (status, printed) = against(&run.path().join("run"));
    assert_eq!(status, 1);
    assert_eq!(row(&printed, answers)["outcome"], "differs");
}

#[test]
fn ratios_of_time_are_held_against_the_packed_range_on_the_same_cpu_only() {
    let slow = |cpu: Option<&str>| {
        let cpu = cpu.map(str::to_owned);
        forged::run(move |evidence| {
            if let Some(cpu) = cpu {
                evidence.cpu = Some(cpu);
            }
            let host = evidence.host.as_mut().unwrap();
            let searches = match &mut host.searches {
                vexfs::protocol::Outcome::Ok { data } => data,
                other => panic!("{other:?}"),
            };
            let fuse = searches.fuse.samples_ns.iter_mut().flatten();
            fuse.for_each(|ns| *ns *= 100);
        })
    };
    let ratio = "host: median of vexfs flat search, effort 0, fuse on inherited, x in process";
    let (status, printed) = against(&slow(None).path().join("run"));
    assert_eq!(status, 1);
    assert_eq!(rows(&printed, "differs"), [ratio]);
    let (status, printed) = against(&slow(Some("another CPU")).path().join("run"));
    assert_eq!(status, 0, "{printed:#}");
    let row = row(&printed, ratio);
    assert_eq!(row["outcome"], "not-comparable");
    assert!(
        row["why"].as_str().unwrap().contains("another CPU"),
        "{row:#}"
    );
}

#[test]
fn what_was_skipped_on_one_side_is_not_comparable() {
    let run = forged::run(|evidence| {
        evidence.host = Err("this host has no /dev/fuse".into());
        evidence.repetition = Repetition::None("another reason".into());
    });
    let (status, printed) = against(&run.path().join("run"));
    assert_eq!(status, 0, "{printed:#}");
    let row = row(&printed, "check fuse.host.answers");
    assert_eq!(row["outcome"], "not-comparable");
    assert_eq!(row["why"], "this host has no /dev/fuse");
}

#[test]
fn a_pack_under_another_id_is_refused() {
    let (_dir, pack) = kept_pack();
    let pack = pack.display().to_string();
    let run = kept::run().display().to_string();
    let refused = |arguments: &[&str], sentence: &str| {
        let out = kept::validate_in(Path::new("."), arguments);
        assert_eq!(out.status.code(), Some(2), "{out:?}");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(said.contains(sentence), "{said}");
    };
    let id = "0".repeat(64);
    refused(
        &["reproduce", &pack, "--against", &run, "--expect", &id],
        "it is another one, or it was changed",
    );
    refused(&["reproduce", &run, "--against", &run], "is no pack");
}
