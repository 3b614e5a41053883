// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole runs on vectors of the user's own, in a guest that really boots, under icount.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use vexfs::bundle::Bundle;
use vexfs::dataset::Matrix;
use vexfs::dataset::source::{Given, Source};
use vexfs::dataset::workload::{Name, Vectors, Workload};
use vexfs::machine::qemu::Mode;
use vexfs::machine::session::{Ending, follow};
use vexfs::machine::{Machine, input};
use vexfs::protocol::{Accelerator, Message, Outcome, Plan, Step};

use crate::python::run_python;
use crate::{boot, bundles, criteria};

/// The checks that look at the vectors. The others took most of the time, and find nothing else with these.
const CHECKS: [&str; 15] = [
    "bundle.intact",
    "fuse.host.lifecycle",
    "fuse.host.answers",
    "workload.identity",
    "module.identity",
    "kernel.dataset",
    "fuse.answers",
    "kernel.answers",
    "recall",
    "index.identity",
    "index.answers",
    "index.recall",
    "index.fuse.overhead",
    "kernel.log",
    "guest.completed",
];

/// The criteria of this version, with the checks that look at the vectors.
fn short_criteria() -> String {
    let mut criteria = criteria::built_in();
    criteria::keep(&mut criteria, &CHECKS);
    criteria.to_string()
}

fn read_json(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn small_vectors_pass_with_equal_answers_in_all_places() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    run_python(
        r"
import h5py, numpy as np
random = np.random.default_rng(6)
unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
a, q = random.standard_normal((500, 20)).astype('<f4'), random.standard_normal((15, 20)).astype('<f4')
d = 1 - unit(q.astype(float)) @ unit(a.astype(float)).T
with h5py.File('small.hdf5', 'w') as file:
    file.attrs['distance'] = 'angular'
    file.create_dataset('train', data=a, compression='gzip')
    file['test'] = q
    file['neighbors'] = np.argsort(d, axis=1)[:, :100].astype('<i4')
",
        folder.path(),
    );
    fs::write(path("criteria.json"), short_criteria()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
        .args([
            "run",
            "--accel",
            "icount",
            "--once",
            "--criteria",
            "criteria.json",
        ])
        .args(["--dataset", "small.hdf5", "--bundle"])
        .arg(bundles::plain())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}\n{said}");
    let origin = "small.hdf5: 500 of 500 rows, 20 elements each; 15 queries: the first 15 of 15 in its `test`; \
                  metric cosine: the file's `distance` is angular";
    assert!(said.starts_with(origin), "{said}");

    let verdict = read_json(&path("out/latest/verdict.json"));
    assert_eq!(verdict["verdict"], "pass");
    let status = |id: &str| {
        let checks = verdict["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == id);
        check.unwrap_or_else(|| panic!("no check {id}"))["status"].clone()
    };
    for id in [
        "fuse.host.answers",
        "workload.identity",
        "dataset.truth",
        "kernel.dataset",
        "fuse.answers",
        "kernel.answers",
        "recall",
        "index.identity",
        "index.answers",
        "index.recall",
        "guest.completed",
    ] {
        assert_eq!(status(id), "pass", "{id}: {said}");
    }
    assert_eq!(status("index.fuse.overhead"), "skipped");

    let dataset = &verdict["provenance"]["dataset"];
    let file = fs::read(path("small.hdf5")).unwrap();
    assert_eq!(dataset["file"], "small.hdf5");
    assert_eq!(dataset["file_blake3"], blake3::hash(&file).to_string());
    assert_eq!(
        (&dataset["rows"], &dataset["dim"], &dataset["queries"]),
        (&500.into(), &20.into(), &15.into())
    );
    let criteria = fs::read(path("out/latest/criteria.json")).unwrap();
    assert_eq!(
        verdict["provenance"]["criteria_blake3"],
        blake3::hash(&criteria).to_string()
    );

    let results = read_json(&path("out/latest/results.json"));
    let places = |found: &Value| {
        let data = |place: &str| found["places"][place]["data"]["result_hashes"].clone();
        [data("in-process"), data("fuse"), data("kernel")]
    };
    let steps = &results["guest"]["steps"];
    let workload = places(&steps["workload"]["outcome"]["data"]);
    let cases = &steps["indexes"]["outcome"]["data"]["cases"][0]["kinds"];
    let kinds = cases.as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.map(|kind| places(&kind["outcome"]["data"])).collect();
    assert_eq!(kinds.len(), 4);
    for [here, fuse, kernel] in kinds.into_iter().chain([workload]) {
        assert!(
            here[0].as_str().is_some_and(|hash| hash.len() == 64),
            "{here}"
        );
        assert!(here == fuse && here == kernel, "{here} {fuse} {kernel}");
    }
}

/// What the guest says of its step `workload` when it has been given these vectors, where its plan names others.
fn outcome(planned: &Vectors, given: &Vectors) -> Result<(), String> {
    let plan = Plan {
        workload: Source::Given(Given::of("mine.npy".to_owned(), planned)),
        k: 3,
        ..boot::plan(Accelerator::Icount, vec![Step::Workload])
    };
    let logs = tempfile::tempdir().unwrap();
    let config = boot::config(logs.path());
    let bundle = Bundle::open(bundles::plain()).unwrap();
    let handed = input(&plan, Some(given));
    let mut machine = Machine::boot(&boot::qemu(Mode::Icount), &bundle, &config, &handed).unwrap();
    let mut said = None;
    let ending = follow(&mut machine, &boot::DEADLINES, |message| {
        if let Message::StepFinished { outcome, .. } = message {
            said = Some(match outcome {
                Outcome::Ok { .. } => Ok(()),
                Outcome::Failed(failure) => Err(failure.reason),
            });
        }
    });
    assert_eq!(ending.unwrap(), Ending::Completed);
    said.expect("the step ended")
}

#[test]
fn a_guest_notices_one_bit_of_what_it_was_given() {
    let workload = Workload {
        rows: 50,
        dim: 5,
        queries: 4,
        ..Workload::new(Name::Clustered)
    };
    let planned = workload.generate().unwrap();
    assert_eq!(outcome(&planned, &planned), Ok(()));

    let flipped = |matrix: &Matrix| {
        let mut other = Matrix::new(matrix.dim());
        for (number, row) in matrix.iter().enumerate() {
            let mut row = row.to_owned();
            if number == 3 {
                row[2] = f32::from_bits(row[2].to_bits() ^ 1);
            }
            other.push(&row);
        }
        other
    };
    let mut vectors = planned.clone();
    vectors.vectors = flipped(&planned.vectors);
    let mut queries = planned.clone();
    queries.queries = flipped(&planned.queries);
    for (what, given) in [("vectors", vectors), ("queries", queries)] {
        let said = outcome(&planned, &given).unwrap_err();
        let sentence = format!("the {what} that were given as mine.npy hash to ");
        assert!(said.contains(&sentence), "{said}");
    }
}
