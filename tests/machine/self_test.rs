// SPDX-License-Identifier: MIT OR Apache-2.0
//! The self-test in short: mutants are caught, and one that is none survives. `make self-test` boots all of them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::bundles::{for_uml, scratch};

/// Mutants of four classes, each noticed by what is quick.
const QUICK: [&str; 4] = [
    "abi/effort-off-by-one",
    "durability/fsync-not-passed-down",
    "search/not-sorted",
    "stability/rows-leak",
];

fn self_test(arguments: &[&str], out: &TempDir) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
        .args(["self-test", "--json", "--out"])
        .arg(out.path())
        .args(arguments)
        .output()
        .unwrap()
}

fn findings(output: &Output) -> Vec<(String, String)> {
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let findings = printed["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| (text(&finding["mutant"]), text(&finding["fate"])))
        .collect()
}

#[test]
fn mutants_are_caught_by_what_they_name() {
    let out = scratch();
    let only: Vec<_> = QUICK.iter().flat_map(|mutant| ["--only", mutant]).collect();
    let output = self_test(&only, &out);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let expected = QUICK.map(|mutant| (mutant.to_owned(), "caught".to_owned()));
    assert_eq!(findings(&output), expected);
    assert!(
        out.path()
            .join("search/not-sorted/quick/verdict.json")
            .is_file()
    );
}

/// A self-test of few mutants asks for their checks alone. Here the hostile user and long vectors have their turn, too.
#[test]
fn the_module_passes_all_checks_without_a_mutant() {
    let out = scratch();
    let output = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
        .args(["run", "--accel", "uml", "--once", "--criteria"])
        .arg("tests/mutants/criteria.json")
        .arg("--bundle")
        .arg(for_uml())
        .arg("--out")
        .arg(out.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{output:?}");
}

/// Mutants of the checkout's own making, with the criteria of the others but for this one check.
fn own_mutants(dir: &Path, patches: &[(&str, &str)]) {
    let text = fs::read_to_string("tests/mutants/criteria.json").unwrap();
    let mut criteria: serde_json::Value = serde_json::from_str(&text).unwrap();
    let quick = ["kernel.answers", "kernel.log", "guest.completed"];
    criteria["checks"]
        .as_array_mut()
        .unwrap()
        .retain(|check| quick.contains(&check["id"].as_str().unwrap()));
    let class = dir.join("none");
    fs::create_dir_all(&class).unwrap();
    fs::write(dir.join("criteria.json"), criteria.to_string()).unwrap();
    for (name, patch) in patches {
        let text = format!("Bug: There is none.\nNoticed-by: kernel.answers\n\n{patch}");
        fs::write(class.join(format!("{name}.patch")), text).unwrap();
    }
}

/// A patch that puts `added` below the first line of a file, of which it believes that it begins with `first`.
fn below_the_first_line(first: &str, added: &str) -> String {
    const FILE: &str = "kernel/search/topk.c";
    let text = fs::read_to_string(FILE).unwrap();
    // Without lines behind it a change would be looked for at the end of the file.
    let behind: Vec<_> = text.lines().skip(1).take(3).collect();
    let behind = behind.join("\n ");
    format!("--- a/{FILE}\n+++ b/{FILE}\n@@ -1,4 +1,5 @@\n {first}\n+{added}\n {behind}\n")
}

#[test]
fn a_mutant_that_nothing_notices_fails_the_test() {
    let (dir, out) = (scratch(), scratch());
    let first = "// SPDX-License-Identifier: GPL-2.0-only";
    let fitting = below_the_first_line(first, "/* This changes nothing. */");
    own_mutants(dir.path(), &[("harmless", &fitting)]);
    let mutants = dir.path().to_str().unwrap();
    let output = self_test(&["--mutants", mutants], &out);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let survived = ("none/harmless".to_owned(), "survived".to_owned());
    assert_eq!(findings(&output), [survived]);

    // One that fits no more, or does not compile, could not be tried. The others are.
    let strange = below_the_first_line("// Another line", "/* This changes nothing. */");
    let broken = below_the_first_line(first, "this is no C");
    own_mutants(dir.path(), &[("broken", &broken), ("strange", &strange)]);
    let output = self_test(&["--resume", "--mutants", mutants], &out);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let fates = findings(&output).into_iter().map(|(_, fate)| fate);
    assert_eq!(
        fates.collect::<Vec<_>>(),
        ["could-not-run", "survived", "could-not-run"]
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("strange.patch does not fit"), "{said}");
    assert!(said.contains("the module does not build"), "{said}");
}
