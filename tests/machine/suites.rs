// SPDX-License-Identifier: MIT OR Apache-2.0
//! The POSIX suites and power cuts on User-Mode Linux, in short: `make validate-deep` does them in full.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bundles;
use crate::criteria::{built_in, keep};

const BINARY: &str = env!("CARGO_BIN_EXE_vexfs-validate");

fn run(criteria: &Value, out: &TempDir, arguments: &[&str]) -> Output {
    run_by(Path::new(BINARY), criteria, out, arguments)
}

fn run_by(program: &Path, criteria: &Value, out: &TempDir, arguments: &[&str]) -> Output {
    let path = out.path().join("criteria.json");
    fs::write(&path, criteria.to_string()).unwrap();
    Command::new(program)
        .args(["run", "--uml-bundle"])
        .arg(bundles::for_uml())
        .arg("--criteria")
        .arg(path)
        .arg("--out")
        .arg(out.path())
        .args(arguments)
        .output()
        .unwrap()
}

/// The checks of a verdict that did not pass.
fn others(verdict: &Path) -> Vec<String> {
    let verdict: Value = serde_json::from_str(&fs::read_to_string(verdict).unwrap()).unwrap();
    let checks = verdict["checks"].as_array().unwrap();
    let others = checks.iter().filter(|check| check["status"] != "pass");
    others.map(|check| check.to_string()).collect()
}

#[test]
fn the_module_passes_the_suites_as_the_lower_filesystem_does() {
    let out = bundles::scratch();
    let mut criteria = built_in();
    let checks = [
        "suites.pjdfstest",
        "suites.fsx",
        "kernel.log",
        "guest.completed",
    ];
    keep(&mut criteria, &checks);
    criteria["suites"] = json!({"fsx_seed": 42, "fsx_operations": 2000});
    let output = run(&criteria, &out, &["--accel", "uml", "--once", "--json"]);
    let verdict = out.path().join("latest/verdict.json");
    assert_eq!(others(&verdict), [""; 0], "{output:?}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_part_of_a_deep_run_that_has_passed_is_not_run_again() {
    let out = bundles::scratch();
    let deep: Value =
        serde_json::from_str(include_str!("../../src/criteria/deep-criteria.json")).unwrap();
    let mut criteria = deep.clone();
    criteria["criteria"]["cuts"] = json!({"seed": 1, "cuts": 4, "each_disk": 2});
    for check in criteria["criteria"]["checks"].as_array_mut().unwrap() {
        if check["id"] == "cuts" {
            check["limit"] = json!(4);
        }
    }
    let by = |program: &Path, more: &[&str]| {
        let arguments = [&["--deep", "--part", "cuts"], more].concat();
        let output = run_by(program, &criteria, &out, &arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let deep = |more: &[&str]| by(Path::new(BINARY), more);
    let first = deep(&[]);
    assert!(first.contains("4 cuts"), "{first}");
    assert!(!first.contains("before;"), "{first}");
    let again = deep(&[]);
    assert!(again.contains("and the same program before"), "{again}");
    let runs = || {
        fs::read_dir(out.path().join("deep/cuts/runs"))
            .unwrap()
            .count()
    };
    assert_eq!(runs(), 1);
    deep(&["--fresh"]);
    assert_eq!(runs(), 2);
    // Another program may judge otherwise.
    let changed = out.path().join("vexfs-validate");
    fs::copy(BINARY, &changed).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&changed).unwrap();
    file.write_all(b"changed").unwrap();
    drop(file);
    by(&changed, &[]);
    assert_eq!(runs(), 3);
    let record = out.path().join("deep/cuts/latest/cuts.json");
    let cuts: Value = serde_json::from_str(&fs::read_to_string(record).unwrap()).unwrap();
    // A guest more than cuts on each of two disks.
    assert_eq!(cuts["boots"].as_array().unwrap().len(), 6);
}
