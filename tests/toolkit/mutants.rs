// SPDX-License-Identifier: MIT OR Apache-2.0
//! The mutants of the self-test as they lie in the checkout. `tests/machine/self_test.rs` boots some of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use vexfs::criteria::{Criteria, subject};
use vexfs::self_test::mutant::{Guard, Mutant, read_all};
use vexfs::self_test::planting::fits;

fn mutants() -> Vec<Mutant> {
    read_all(Path::new("tests/mutants")).unwrap()
}

fn criteria() -> Criteria {
    Criteria::read(Some(Path::new("tests/mutants/criteria.json"))).unwrap()
}

#[test]
fn each_fits_the_sources() {
    for mutant in mutants() {
        fits(&mutant, Path::new(".")).unwrap();
    }
}

#[test]
fn there_are_at_least_forty_of_every_class() {
    let mutants = mutants();
    assert!(mutants.len() >= 40, "{}", mutants.len());
    let classes: BTreeSet<_> = mutants.iter().map(|mutant| &*mutant.class).collect();
    for class in [
        "abi",
        "credentials",
        "durability",
        "freshness",
        "fuse",
        "hostile-input",
        "lifetime",
        "locking",
        "memory",
        "mounts",
        "names",
        "search",
        "stability",
        "suites",
    ] {
        assert!(classes.contains(class), "there is no mutant of {class}");
    }
    for kind in ["flat", "hnsw", "ivf", "pq", "lsh"] {
        let of_kind = |mutant: &&Mutant| mutant.class == "search" && mutant.name.starts_with(kind);
        assert!(
            mutants.iter().any(|mutant| of_kind(&mutant)),
            "there is no mutant of searches by {kind}"
        );
    }
}

#[test]
fn each_names_a_check_or_a_suite_that_there_is() {
    let criteria = criteria();
    for mutant in mutants() {
        match &mutant.noticed_by {
            Guard::Check { id, .. } => assert!(
                criteria.checks.iter().any(|check| check.id == *id),
                "{mutant}: tests/mutants/criteria.json has no check {id}"
            ),
            Guard::Test { suite, .. } => assert!(
                suite == "lib" || Path::new("tests").join(suite).join("main.rs").is_file(),
                "{mutant}: there is no suite {suite}"
            ),
        }
    }
}

/// A check that a guest can answer on any machine, and that no mutant is shown to, could not be the one that notices.
#[test]
fn the_criteria_have_every_check_of_a_guest() {
    let criteria = criteria();
    for id in subject::known().filter(|id| subject::holds_on_any_machine(id)) {
        assert!(
            criteria.checks.iter().any(|check| check.id == id),
            "tests/mutants/criteria.json lacks {id}"
        );
    }
}

#[test]
fn the_document_lists_exactly_these() {
    let text = fs::read_to_string("docs/self-test.md").unwrap();
    let rows: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once("` | "))
        .filter(|(mutant, _)| mutant.contains('/'))
        .collect();
    let mutants = mutants();
    let listed: Vec<_> = rows.iter().map(|(mutant, _)| *mutant).collect();
    let there: Vec<_> = mutants.iter().map(ToString::to_string).collect();
    assert_eq!(listed, there);
    for (mutant, (_, rest)) in mutants.iter().zip(rows) {
        let noticed_by = match &mutant.noticed_by {
            Guard::Check {
                id,
                case: Some(case),
            } => format!("`{id}` ({case})"),
            other => format!("`{other}`"),
        };
        let expected = format!("{} | {noticed_by} |", mutant.bug);
        assert_eq!(rest, expected, "the row of {mutant}");
    }
}

#[test]
fn what_there_is_not_is_refused() {
    let said = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
            .arg("self-test")
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let error = said(&["--only", "nothing"]);
    assert!(error.contains("no mutant and no class nothing"), "{error}");
    let error = said(&["--mutants", "tests/data"]);
    assert!(error.contains("is no mutant"), "{error}");
}
