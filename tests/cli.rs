// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs` on plain files: what it prints, its exit codes and its sentences.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn vexfs(folder: &Path, arguments: &str) -> Output {
    let arguments = arguments.split_whitespace();
    Command::new(env!("CARGO_BIN_EXE_vexfs"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn printed(folder: &Path, arguments: &str) -> String {
    let output = vexfs(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "vexfs {arguments}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(folder: &Path, arguments: &str) -> Value {
    serde_json::from_str(&printed(folder, &format!("{arguments} --json"))).unwrap()
}

/// The one sentence on standard error of a command that fails.
fn failure(folder: &Path, arguments: &str) -> String {
    let output = vexfs(folder, arguments);
    assert_eq!(output.status.code(), Some(1), "vexfs {arguments}");
    assert!(output.stdout.is_empty() || arguments.contains("--json"));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.lines().count(), 1, "{errors}");
    errors.trim_end().to_owned()
}

/// A small workload in a folder of its own.
fn workload() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    printed(
        folder.path(),
        "dataset generate --workload clustered --rows 500 --dim 20 --queries 6 --out .",
    );
    folder
}

#[test]
fn datasets_are_generated_and_hashed() {
    let folder = workload();
    let folder = folder.path();
    let size = "--rows 500 --dim 20 --queries 6";
    let hashes = printed(folder, &format!("dataset hash --workload clustered {size}"));
    let hashes: Vec<&str> = hashes.lines().collect();
    for (line, name) in hashes.iter().zip(["vectors", "queries"]) {
        let hash = printed(folder, &format!("dataset hash {name}.fvecs"));
        assert_eq!(*line, format!("{}  {name}", hash.trim_end()));
    }
    let other_seed = printed(
        folder,
        &format!("dataset hash --workload clustered --seed 43 {size}"),
    );
    assert!(!other_seed.contains(&hashes[0][..64]));
    let report = json(folder, "dataset hash vectors.fvecs");
    assert_eq!((&report["rows"], &report["dim"]), (&500.into(), &20.into()));
}

#[test]
fn a_search_finds_the_row_that_was_asked_for() {
    let folder = workload();
    let folder = folder.path();
    let found = json(
        folder,
        "search vectors.fvecs --query-file vectors.fvecs --row 123 --k 2",
    );
    assert_eq!(found["driver"], "in-process");
    assert_eq!(
        (&found["hits"][0]["row"], &found["hits"][0]["distance"]),
        (&123.into(), &0.0.into())
    );
    assert_eq!(found["hits"].as_array().unwrap().len(), 2);
    let lines = printed(
        folder,
        "search vectors.fvecs --query-file vectors.fvecs --row 123 --k 2",
    );
    assert!(lines.starts_with("123\t0\n"), "{lines}");
    let zeros = vec!["-0.0"; 20].join(",");
    assert_eq!(
        printed(
            folder,
            &format!("search vectors.fvecs --query {zeros} --k 3")
        )
        .lines()
        .count(),
        3
    );
    assert_eq!(json(folder, "info vectors.fvecs")["rows"], 500);
}

#[test]
fn a_bench_reports_every_sample_and_full_recall() {
    let folder = workload();
    let bench = "bench vectors.fvecs queries.fvecs --k 3 --warmups 1 --runs 2";
    let one = json(folder.path(), bench);
    assert_eq!(one["recall"]["value"], 1.0);
    assert_eq!(one["measurement"]["value"]["unstable"], Value::Null);
    let samples = one["measurement"]["value"]["samples_ns"]
        .as_array()
        .unwrap();
    assert_eq!(
        samples
            .iter()
            .map(|run| run.as_array().unwrap().len())
            .collect::<Vec<_>>(),
        [6, 6]
    );
    assert!(
        one["summary"]["value"]["latency_ns"]["p50"]
            .as_f64()
            .unwrap()
            > 0.0
    );

    let answers = |report: &Value| report["measurement"]["value"]["answers"].clone();
    for threads in [2, 4, 9] {
        assert_eq!(
            answers(&json(
                folder.path(),
                &format!("{bench} --threads {threads}")
            )),
            answers(&one)
        );
    }
}

#[test]
fn a_bench_that_fails_has_reasons_and_no_figures() {
    let folder = workload();
    let output = vexfs(
        folder.path(),
        "bench vectors.fvecs queries.fvecs --k 501 --json",
    );
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for figure in ["summary", "recall", "recall_with_ties", "measurement"] {
        assert_eq!(report[figure]["value"], Value::Null);
        assert!(
            report[figure]["reason"]
                .as_str()
                .unwrap()
                .contains("501 nearest rows"),
            "{figure}"
        );
    }
}

#[test]
fn failures_are_one_sentence_that_says_what_to_do() {
    let folder = workload();
    let folder = folder.path();
    std::fs::write(folder.join("cut.fvecs"), [20, 0, 0, 0, 1]).unwrap();
    for (arguments, sentence) in [
        (
            "search vectors.fvecs --query 1,2",
            "the query has 2 elements, but the vectors have 20",
        ),
        (
            "search vectors.fvecs --query-file queries.fvecs --k 501",
            "501 nearest rows were asked for, but there are 500",
        ),
        (
            "search vectors.fvecs --query-file queries.fvecs --k 0",
            "k must be 1 to 2000",
        ),
        (
            "search vectors.fvecs --query-file queries.fvecs --k 2001",
            "k must be 1 to 2000",
        ),
        (
            "search vectors.fvecs --query-file queries.fvecs --effort 1",
            "a flat search takes no effort",
        ),
        (
            "search vectors.fvecs --query-file queries.fvecs --row 6",
            "queries.fvecs has 6 rows, so there is no row 6",
        ),
        (
            "search vectors.fvecs --query nan",
            "the query holds a NaN or an infinity",
        ),
        (
            "search none.fvecs --query 1",
            "cannot open none.fvecs: No such file or directory",
        ),
        (
            "search cut.fvecs --query 1",
            "cut.fvecs: row 0: the file ends in the middle of the row",
        ),
        (
            "dataset hash cut.fvecs",
            "cut.fvecs: row 0: the file ends in the middle of the row",
        ),
        (
            "dataset import a.csv b.fvecs",
            "a.csv: its name ends in neither .npy nor .fbin",
        ),
        (
            "dataset hash --workload inherited --seed 4294967296",
            "seeds up to 4294967295",
        ),
    ] {
        let message = failure(folder, arguments);
        assert!(
            message.starts_with("vexfs: ") && message.contains(sentence),
            "vexfs {arguments}: {message}"
        );
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        "",
        "search a.fvecs",
        "search a.fvecs --query 1 --query-file q",
        "bench a b --threads 0",
        "dataset hash",
    ] {
        assert_eq!(
            vexfs(folder.path(), arguments).status.code(),
            Some(2),
            "vexfs {arguments}"
        );
    }
}

#[test]
fn every_command_says_what_it_does() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "",
        "search",
        "info",
        "dataset",
        "dataset generate",
        "dataset hash",
        "dataset import",
        "bench",
        "mount",
    ] {
        let help = printed(folder.path(), &format!("{command} --help"));
        assert!(
            !help.lines().next().unwrap().starts_with("Usage"),
            "vexfs {command} does not say what it does"
        );
    }
}

#[test]
fn every_command_has_a_man_page_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
        .args(["manual", "."])
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(status.success());
    let read = |name: &str| {
        std::fs::read_to_string(folder.path().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    for (page, word) in [
        ("vexfs.1", "Search vectors"),
        ("vexfs-dataset-import.1", "import"),
        ("vexfs-validate.1", "virtual machine"),
        ("vexfs-validate-run.1", "criteria"),
    ] {
        let text = read(&format!("man/{page}"));
        assert!(
            text.contains(".TH ") && text.contains(word),
            "{page}: {text}"
        );
    }
    for name in ["vexfs.bash", "_vexfs", "vexfs.fish", "vexfs-validate.bash"] {
        assert!(read(&format!("completions/{name}")).contains("vexfs"));
    }
    assert!(
        !folder.path().join("man/vexfs-validate-sweep.1").exists(),
        "what is hidden from --help has no page"
    );
}
