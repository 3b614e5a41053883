// SPDX-License-Identifier: MIT OR Apache-2.0
//! The figures of two runs, like for like.

use std::path::Path;

use serde_json::Value;

use crate::records::forged;
use crate::records::kept;

fn compare(b: &Path, more: &[&str]) -> (i32, Value) {
    let arguments = ["compare".as_ref(), kept::run(), b, "--json".as_ref()];
    let out = kept::validate(arguments.into_iter().chain(more.iter().map(Path::new)));
    let errors = String::from_utf8_lossy(&out.stderr);
    let printed = serde_json::from_slice(&out.stdout);
    let printed = printed.unwrap_or_else(|error| panic!("{error}: {errors}"));
    (out.status.code().unwrap(), printed)
}

fn changed(printed: &Value) -> Vec<(&str, &str)> {
    let rows = printed["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["what"].as_str().unwrap(),
            row["change"].as_str().unwrap(),
        )
    })
    .filter(|(what, change)| what.starts_with("guest") && *change != "none")
    .collect()
}

#[test]
fn a_run_has_not_become_worse_than_itself() {
    let (status, printed) = compare(kept::run(), &[]);
    assert_eq!(status, 0, "{printed:#}");
    assert_eq!(changed(&printed), []);
    assert!(
        printed["rows"].as_array().unwrap().len() > 20,
        "{printed:#}"
    );
    assert_eq!(printed["refused"], Value::Array(Vec::new()), "{printed:#}");
}

/// The slowest of five searches takes twice as long, which the median does not show.
#[test]
fn one_sample_that_changed_is_a_regression_by_its_name() {
    let run = forged::run(|evidence| {
        let kind = &mut forged::indexes(evidence).cases[0].kinds[0];
        let vexfs::protocol::Outcome::Ok { data } = &mut kind.outcome else {
            panic!("{kind:?}");
        };
        let place = data.places.get_mut(&vexfs::client::Place::Kernel);
        let Some(vexfs::protocol::Outcome::Ok { data }) = place else {
            panic!("{place:?}");
        };
        *data.samples_ns[0].iter_mut().max().unwrap() *= 2;
    });
    let run = run.path().join("run");
    let (status, printed) = compare(&run, &[]);
    let of =
        |quantity| format!("guest: {quantity} of vexfs hnsw search, effort 0, kernel on small");
    let (p95, p99) = (of("p95"), of("p99"));
    assert_eq!(
        (status, changed(&printed)),
        (1, vec![(p95.as_str(), "worse"), (p99.as_str(), "worse")])
    );
}

#[test]
fn a_small_change_of_a_count_is_named_and_no_regression() {
    let run = forged::run(|evidence| forged::kernel(evidence).write_ns += 1);
    let run = run.path().join("run");
    let (status, printed) = compare(&run, &[]);
    let insert = "guest: vexfs flat insert, kernel on inherited";
    assert_eq!((status, changed(&printed)), (0, vec![(insert, "small")]));
    let (status, printed) = compare(&run, &["--tolerance", "0"]);
    assert_eq!((status, changed(&printed)), (1, vec![(insert, "worse")]));
}

#[test]
fn times_of_another_cpu_are_refused_with_both_named() {
    let run = forged::run(|evidence| evidence.cpu = Some("another CPU".into()));
    let (status, printed) = compare(&run.path().join("run"), &[]);
    assert_eq!(status, 0);
    let refused = printed["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 6, "{refused:#?}");
    for refused in refused {
        let why = refused["why"].as_str().unwrap();
        assert!(
            why.contains("machine: ") && why.contains("another CPU"),
            "{why}"
        );
    }
}

#[test]
fn nothing_is_comparable_with_the_inherited_insert_rate() {
    let inherited =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/figures/chromadb-949.json");
    let (status, printed) = compare(&inherited, &[]);
    assert_eq!(status, 2);
    // All that the run measured and the other file has not is no refusal.
    assert_eq!(printed["refused"].as_array().unwrap().len(), 1);
    let (_, with_itself) = compare(kept::run(), &[]);
    let all = with_itself["rows"].as_array().unwrap().len();
    assert_eq!(printed["absent"].as_array().unwrap().len(), all);
    let why = printed["refused"][0]["why"].as_str().unwrap();
    for word in [
        "dimension: 128 against 1536",
        "rate",
        "not recorded",
        "ChromaDB",
    ] {
        assert!(why.contains(word), "{word}: {why}");
    }
}
