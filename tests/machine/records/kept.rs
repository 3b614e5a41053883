// SPDX-License-Identifier: MIT OR Apache-2.0
//! The run that all tests of this file look at, made once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::json;
use tempfile::TempDir;

use crate::bundles::scratch;
use crate::faults::copy_tree;
use crate::{bundles, criteria};

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
    let dir = scratch();
    copy_tree(run(), &dir.path().join("run"));
    dir
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
        let arguments = [
            "run",
            "--accel=icount",
            "--once",
            "--patience=600",
            "--bundle",
        ]
        .map(Path::new);
        let output = validate(arguments.into_iter().chain([
            bundles::plain(),
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
    let mut criteria = criteria::built_in();
    criteria::keep(&mut criteria, &CHECKS);
    for check in criteria["checks"].as_array_mut().unwrap() {
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
