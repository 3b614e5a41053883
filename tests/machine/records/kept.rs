// SPDX-License-Identifier: MIT OR Apache-2.0
//! The run that all tests of this file look at, made once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

const CRITERIA: &str = include_str!("../../../src/criteria/criteria.json");

const CHECKS: [&str; 15] = [
    "fuse.host.answers",
    "bundle.intact",
    "machine.accelerator",
    "machine.guest",
    "workload.identity",
    "module.identity",
    "fuse.answers",
    "kernel.answers",
    "recall",
    "kernel.overhead",
    "index.identity",
    "index.answers",
    "index.kernel.overhead",
    "kernel.log",
    "guest.completed",
];

/// A copy of the run, which a test may change.
pub fn copy() -> TempDir {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    copy_all(run(), &dir.path().join("run"));
    dir
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The bundle that it booted.
pub fn bundle() -> PathBuf {
    run().ancestors().nth(2).unwrap().join("bundle")
}

/// The run's directory.
pub fn run() -> &'static Path {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    RUN.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("records");
        fs::remove_dir_all(&out).ok();
        fs::create_dir(&out).unwrap();
        let criteria = out.join("criteria.json");
        fs::write(&criteria, short_criteria()).unwrap();
        let bundle = out.join("bundle");
        assert_eq!(
            validate(["bundle".as_ref(), "--out".as_ref(), bundle.as_path()])
                .status
                .code(),
            Some(0)
        );
        let arguments = [
            "run",
            "--accel=icount",
            "--once",
            "--patience=600",
            "--bundle",
        ]
        .map(Path::new);
        let output = validate(arguments.into_iter().chain([
            bundle.as_path(),
            "--criteria".as_ref(),
            &criteria,
            "--out".as_ref(),
            &out,
        ]));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        fs::canonicalize(out.join("latest")).unwrap()
    })
}

/// Runs `vexfs-validate` in a directory of its own.
pub fn validate_in(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap()
}

pub fn validate<'a>(arguments: impl IntoIterator<Item = &'a Path>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
        .args(arguments)
        .output()
        .unwrap()
}

/// Few checks, and one small case of an index that is timed.
fn short_criteria() -> String {
    let mut criteria: Value = serde_json::from_str(CRITERIA).unwrap();
    let all = criteria["checks"].as_array_mut().unwrap();
    all.retain(|check| CHECKS.contains(&check["id"].as_str().unwrap()));
    assert_eq!(all.len(), CHECKS.len());
    for check in all {
        // A search of few rows is little beside a call of the kernel.
        if check["id"] == "index.kernel.overhead" {
            check["limit"] = 100.into();
        }
    }
    criteria["indexes"] = json!([{
        "name": "small",
        "workload": {"name": "clustered", "seed": 7, "rows": 300, "dim": 16, "queries": 5},
        "metric": "l2", "k": 5, "warmups": 0, "runs": 1, "icount_runs": 1, "timed": true,
        "kinds": [{"kind": "hnsw", "effort": 0, "recall": 0.5}],
    }]);
    criteria.to_string()
}
