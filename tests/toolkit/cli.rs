// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs` on plain files: what it prints, its exit codes and its sentences.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

pub fn vexfs(folder: &Path, arguments: &str) -> Output {
    let arguments = arguments.split_whitespace();
    Command::new(env!("CARGO_BIN_EXE_vexfs"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

pub fn printed(folder: &Path, arguments: &str) -> String {
    let output = vexfs(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "vexfs {arguments}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

pub fn json(folder: &Path, arguments: &str) -> Value {
    serde_json::from_str(&printed(folder, &format!("{arguments} --json"))).unwrap()
}

/// The one sentence on standard error of a command that fails.
pub fn failure(folder: &Path, arguments: &str) -> String {
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
        "bench vectors.fvecs queries.fvecs --kind ivf --json",
    );
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for figure in ["summary", "recall", "recall_with_ties", "measurement"] {
        assert_eq!(report[figure]["value"], Value::Null);
        assert!(
            report[figure]["reason"]
                .as_str()
                .unwrap()
                .contains("has no ivf index"),
            "{figure}"
        );
    }
}

#[test]
fn more_than_there_is_is_answered_with_all_there_is() {
    let folder = workload();
    let folder = folder.path();
    printed(folder, "index build vectors.fvecs --kind ivf");
    std::fs::write(folder.join("empty.fvecs"), "").unwrap();
    let all = printed(
        folder,
        "search vectors.fvecs --query-file queries.fvecs --row 0 --k 500",
    );
    assert_eq!(all.lines().count(), 500);
    for k in [501, 2000, 2001, u32::MAX] {
        let search = format!("search vectors.fvecs --query-file queries.fvecs --row 0 --k {k}");
        let output = vexfs(folder, &search);
        assert!(output.status.success(), "{k}: {output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), all);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, format!("vexfs: 500 of {k}: the file has 500 rows\n"));
        let found = json(folder, &format!("{search} --kind ivf --effort 22"));
        assert!(found["hits"].as_array().unwrap().len() <= 500);
    }
    let output = vexfs(folder, "search empty.fvecs --query 1,2");
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("0 of 10: the file has 0 rows")
    );

    let bench = "bench vectors.fvecs queries.fvecs --warmups 0 --runs 1";
    let report = json(folder, &format!("{bench} --k 501"));
    assert_eq!(report["k"], 500);
    assert_eq!(report["recall"]["value"], 1.0);
}

#[test]
fn failures_are_one_sentence_that_says_what_to_do() {
    let folder = workload();
    let folder = folder.path();
    std::fs::write(folder.join("cut.fvecs"), [20, 0, 0, 0, 1]).unwrap();
    std::fs::write(
        folder.join("many.fvecs"),
        [1, 0, 0, 0, 0, 0, 0, 0].repeat(2001),
    )
    .unwrap();
    std::fs::write(folder.join("long.fvecs"), [0x01, 0, 0x01, 0].repeat(65538)).unwrap();
    for (arguments, sentence) in [
        (
            "search vectors.fvecs --query 1,2",
            "the query has 2 elements, but the vectors have 20",
        ),
        (
            "search vectors.fvecs --query-file queries.fvecs --k 0",
            "cannot search vectors.fvecs: k must be 1 to 2000, not 0",
        ),
        (
            "search many.fvecs --query 1 --k 2001",
            "cannot search many.fvecs: k must be 1 to 2000, not 2001",
        ),
        (
            "search vectors.fvecs --query-file long.fvecs",
            "long.fvecs: row 0: its dimension is 65537, but it must be 1 to 65536",
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
            "dataset import a.txt b.fvecs",
            "a.txt: its name ends in none of .fvecs,",
        ),
        (
            "dataset hash --workload inherited --seed 4294967296",
            "seeds up to 4294967295",
        ),
    ] {
        let message = failure(folder, arguments);
        assert!(
            message.starts_with("vexfs: ") && message.matches(sentence).count() == 1,
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
        "index",
        "index build",
        "index info",
        "index tune",
        "index update",
        "index verify",
        "index drop",
        "dataset",
        "dataset generate",
        "dataset hash",
        "dataset import",
        "bench",
        "completions",
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

#[test]
fn a_shell_takes_the_completions_and_completes() {
    for (program, path, words, expected) in [
        (
            "vexfs",
            env!("CARGO_BIN_EXE_vexfs"),
            "vexfs data",
            "dataset",
        ),
        (
            "vexfs-validate",
            env!("CARGO_BIN_EXE_vexfs-validate"),
            "vexfs-validate rep",
            "report reproduce",
        ),
    ] {
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let output = Command::new(path).args(["completions", shell]).output();
            let output = output.unwrap();
            assert!(
                output.status.success() && output.stderr.is_empty(),
                "{shell}"
            );
            assert!(String::from_utf8(output.stdout).unwrap().contains(program));
        }
        let script = r#"
            source <("$1" completions bash)
            COMP_WORDS=($2); COMP_CWORD=1
            "_${0/-/__}" "$0" "${COMP_WORDS[1]}" "$0"
            echo "${COMPREPLY[*]}"
        "#;
        let completed = Command::new("bash")
            .args(["-c", script, program, path, words])
            .output()
            .unwrap();
        let completed = String::from_utf8(completed.stdout).unwrap();
        assert_eq!(completed.trim_end(), expected);
    }
}

/// Indexes of 500 rows, of each kind, beside rows.
fn indexed() -> tempfile::TempDir {
    let folder = workload();
    for kind in ["hnsw", "ivf", "pq", "lsh"] {
        printed(
            folder.path(),
            &format!("index build vectors.fvecs --kind {kind}"),
        );
    }
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn every_kind_of_index_is_built_told_searched_checked_and_dropped() {
    let folder = indexed();
    let folder = folder.path();
    for kind in ["flat", "hnsw", "ivf", "pq", "lsh"] {
        let search = "search vectors.fvecs --query-file vectors.fvecs --row 123 --k 2";
        let found = json(folder, &format!("{search} --kind {kind}"));
        assert_eq!(found["hits"][0]["row"], 123, "{kind}");
        assert_eq!(found["kind"], kind);
        let bench = "bench vectors.fvecs queries.fvecs --k 3 --warmups 0 --runs 1";
        let report = json(folder, &format!("{bench} --kind {kind}"));
        assert!(report["recall"]["value"].as_f64().unwrap() > 0.5, "{kind}");
    }

    let info = json(folder, "info vectors.fvecs");
    let covered: Vec<_> = info["indexes"].as_array().unwrap().iter().collect();
    assert_eq!(covered.len(), 4);
    assert_eq!(
        covered[1],
        &serde_json::json!({"kind": "ivf", "metric": "l2", "rows": 500, "tail": 0})
    );
    assert!(printed(folder, "info vectors.fvecs").contains("hnsw index for l2: covers 500 rows"));

    let report = json(folder, "index info vectors.fvecs");
    let hnsw = &report["indexes"][0];
    assert_eq!(hnsw["state"], "fits");
    assert_eq!(hnsw["parameters"]["M"], 16);
    assert_eq!(hnsw["parameters"]["efConstruction"], 200);
    assert_eq!(
        printed(folder, "index verify vectors.fvecs")
            .lines()
            .count(),
        4
    );

    for kind in ["hnsw", "ivf", "pq", "lsh"] {
        printed(folder, &format!("index drop vectors.fvecs --kind {kind}"));
        let message = failure(folder, &format!("index drop vectors.fvecs --kind {kind}"));
        assert!(
            message.contains(&format!("has no {kind} index")),
            "{message}"
        );
    }
    assert_eq!(names(folder), ["queries.fvecs", "vectors.fvecs"]);
}

#[test]
fn an_index_tells_its_recall_and_is_tuned_to_another() {
    let folder = workload();
    let folder = folder.path();
    let built = json(folder, "index build vectors.fvecs --kind ivf --recall 0.6");
    let least = built["effort"].as_u64().unwrap();
    assert!(built["recall"].as_f64().unwrap() >= 0.6, "{built}");
    let tune = "index tune vectors.fvecs --kind ivf";
    let tuned = json(folder, &format!("{tune} --recall 0.99"));
    assert!(tuned["recall"].as_f64().unwrap() >= 0.99, "{tuned}");
    assert!(tuned["effort"].as_u64().unwrap() > least, "{tuned}");
    let told = json(folder, "index info vectors.fvecs");
    assert_eq!(told["indexes"][0]["effort"], tuned["effort"]);
    let recall = told["indexes"][0]["recall"].as_f64().unwrap();
    assert!((recall - tuned["recall"].as_f64().unwrap()).abs() < 1e-5);
    assert_eq!(told["indexes"][0]["recall_queries"], 128);
    let other = json(folder, &format!("{tune} --queries queries.fvecs"));
    assert_eq!(other["recall_queries"], 6);
    // In another format they are the same queries.
    let rows = vexfs::dataset::fvecs::read(&folder.join("queries.fvecs")).unwrap();
    let lines = rows.iter().map(|row| format!("{row:?}\n"));
    std::fs::write(folder.join("queries.jsonl"), lines.collect::<String>()).unwrap();
    let again = json(folder, &format!("{tune} --queries queries.jsonl"));
    assert_eq!(again, other);
    printed(folder, "index verify vectors.fvecs");

    // What is said is not changed, and what cannot be reached is said.
    let said = json(folder, "index build vectors.fvecs --kind ivf --nprobe 2");
    assert_eq!(said["effort"], 2);
    let search =
        "search vectors.fvecs --query-file queries.fvecs --row 0 --kind ivf --effort 1 --k 400";
    let output = vexfs(folder, search);
    let lines = String::from_utf8(output.stdout).unwrap().lines().count();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.starts_with(&format!("vexfs: {lines} of 400: a larger --effort")),
        "{told}"
    );
    let output = vexfs(folder, "index build vectors.fvecs --kind lsh --recall 1");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("of all rows, so that --kind flat, which is exact, is hardly slower"),
        "{told}"
    );
    let output = vexfs(folder, "index build vectors.fvecs --kind ivf --recall 2");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("a number from 0 to 1"), "{told}");
}

#[test]
fn a_bench_measures_each_effort() {
    let folder = indexed();
    let bench = "bench vectors.fvecs queries.fvecs --kind ivf --k 3 --warmups 0 --runs 2";
    let reports = printed(
        folder.path(),
        &format!("{bench} --effort 1,2,44 --metric l2 --json"),
    );
    let reports: Vec<Value> = reports
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let efforts: Vec<_> = reports.iter().map(|report| &report["effort"]).collect();
    assert_eq!(efforts, [1, 2, 44]);
    let recall = |report: &Value, kind: &str| report[kind]["value"].as_f64().unwrap();
    for report in &reports {
        assert!(recall(report, "recall_with_ties") >= recall(report, "recall"));
        assert!(
            report["summary"]["value"]["latency_ns"]["p99"]
                .as_f64()
                .unwrap()
                > 0.0
        );
    }
    // Every list is looked at.
    assert_eq!(recall(&reports[2], "recall"), 1.0);
    let table = printed(folder.path(), &format!("{bench} --effort 1,2,44"));
    assert_eq!(table.lines().count(), 5, "{table}");
}

#[test]
fn what_is_wrong_with_an_index_is_one_sentence_with_a_remedy() {
    let folder = indexed();
    let folder = folder.path();
    let search = "search vectors.fvecs --query-file queries.fvecs";
    assert_eq!(
        failure(folder, &format!("{search} --kind hnsw --metric cosine")),
        "vexfs: the hnsw index of vectors.fvecs is for l2, not for cosine: search by --metric l2, or build one with \
         `vexfs index build vectors.fvecs --kind hnsw --metric cosine` in its place"
    );
    assert_eq!(
        failure(
            folder,
            "search queries.fvecs --query-file queries.fvecs --k 1 --kind hnsw"
        ),
        "vexfs: queries.fvecs has no hnsw index for l2: build one with \
         `vexfs index build queries.fvecs --kind hnsw --metric l2`"
    );
    printed(
        folder,
        "dataset generate --workload clustered --rows 500 --dim 4 --queries 1 --out other",
    );
    printed(folder, "index build other/vectors.fvecs --kind hnsw");
    std::fs::rename(
        folder.join("other/vectors.fvecs.hnsw"),
        folder.join("vectors.fvecs.hnsw"),
    )
    .unwrap();
    std::fs::remove_dir_all(folder.join("other")).unwrap();
    assert_eq!(
        failure(folder, &format!("{search} --kind hnsw")),
        "vexfs: the index vectors.fvecs.hnsw is of dimension 4, but the vectors are of 20: \
         `vexfs index build vectors.fvecs --kind hnsw --metric l2` makes it anew"
    );
    printed(folder, "index build vectors.fvecs --kind hnsw");
    let path = folder.join("vectors.fvecs.lsh");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 0x80;
    std::fs::write(&path, &bytes).unwrap();
    let message = failure(folder, &format!("{search} --kind lsh"));
    assert!(
        message.starts_with("vexfs: the index vectors.fvecs.lsh is malformed"),
        "{message}"
    );
    let message = failure(folder, "index verify vectors.fvecs --kind lsh");
    assert!(
        message.contains("vectors.fvecs.lsh is not sound: "),
        "{message}"
    );
    std::fs::write(&path, "short").unwrap();
    let info = printed(folder, "index info vectors.fvecs");
    assert!(
        info.contains("vectors.fvecs.lsh, 5 bytes: malformed: "),
        "{info}"
    );

    // One row is changed, and then one of the other block.
    let mut rows = std::fs::read(folder.join("vectors.fvecs")).unwrap();
    rows[4] ^= 1;
    std::fs::write(folder.join("vectors.fvecs"), &rows).unwrap();
    printed(folder, &format!("{search} --kind pq"));
    let report = json(folder, "index info vectors.fvecs");
    assert_eq!(report["indexes"][1]["state"], "fits");
    assert_eq!(report["indexes"][1]["changed"], 256);
    let last = rows.len() - 4;
    rows[last] ^= 1;
    std::fs::write(folder.join("vectors.fvecs"), &rows).unwrap();
    let message = failure(folder, &format!("{search} --kind pq"));
    assert!(
        message.starts_with("vexfs: the index vectors.fvecs.pq is stale"),
        "{message}"
    );
    let message = failure(folder, "index verify vectors.fvecs --kind pq");
    assert!(message.contains("vectors.fvecs.pq is stale: "), "{message}");
    let report = json(folder, "index info vectors.fvecs");
    assert_eq!(report["indexes"][1]["state"], "stale");
    assert_eq!(report["indexes"][3]["state"], "malformed");
    let output = vexfs(folder, "index verify vectors.fvecs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 4);

    let message = failure(folder, "index build vectors.fvecs --kind pq --m 3");
    assert!(message.contains("m must be an even number"), "{message}");
    std::fs::write(folder.join("empty.fvecs"), "").unwrap();
    let message = failure(folder, "index build empty.fvecs --kind pq");
    assert!(message.contains("without rows"), "{message}");
    let message = failure(folder, "index build none.fvecs --kind pq");
    assert!(message.contains("none.fvecs: No such file"), "{message}");
    let message = failure(folder, "index build vectors.txt --kind pq");
    assert!(message.contains("rename it to end in .fvecs"), "{message}");
    let message = failure(folder, "index verify queries.fvecs");
    assert!(message.contains("queries.fvecs has no index"), "{message}");
}

#[test]
fn a_parameter_of_another_kind_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        "hnsw --nlist 4",
        "hnsw --probes 4",
        "ivf --m 4",
        "ivf --ef-construction 4",
        "pq --nprobe 4",
        "pq --tables 4",
        "pq --nbits 8",
        "pq --rerank 4 --effort 4",
        "lsh --rerank 4",
        "lsh --ef-search 4",
        "lsh --effort 65537",
        "ivf --effort 4 --nprobe 4",
        "flat",
    ] {
        let output = vexfs(
            folder.path(),
            &format!("index build a.fvecs --kind {arguments}"),
        );
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
    let output = vexfs(folder.path(), "index build a.fvecs --kind lsh --nlist 4");
    let message = String::from_utf8(output.stderr).unwrap();
    let sentence = "--nlist does not belong to --kind lsh, which takes --tables, --hashes";
    assert!(message.contains(sentence), "{message}");
}

/// A build that takes minutes, beside an index of the first rows.
fn long_build(folder: &Path) -> (std::process::Child, Vec<u8>) {
    printed(folder, "index build vectors.fvecs --kind hnsw");
    let old = std::fs::read(folder.join("vectors.fvecs.hnsw")).unwrap();
    printed(
        folder,
        "dataset generate --workload clustered --rows 20000 --dim 20 --queries 6 --out more",
    );
    let more = std::fs::read(folder.join("more/vectors.fvecs")).unwrap();
    std::fs::remove_dir_all(folder.join("more")).unwrap();
    let path = folder.join("vectors.fvecs");
    std::fs::write(&path, [std::fs::read(&path).unwrap(), more].concat()).unwrap();
    let long = "index build vectors.fvecs --kind hnsw --threads 1 --ef-construction 20000";
    let build = Command::new(env!("CARGO_BIN_EXE_vexfs"))
        .args(long.split(' '))
        .current_dir(folder)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    (build, old)
}

/// Waits until the process handles SIGINT, and then for a part of the build.
fn await_building(build: &mut std::process::Child) {
    let caught = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", build.id())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 1 << (libc::SIGINT - 1) != 0
    };
    let begun = Instant::now();
    while !caught() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never begins");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(700));
    assert!(build.try_wait().unwrap().is_none(), "the build is over");
}

#[test]
fn an_interrupted_build_leaves_the_old_index_and_nothing_else() {
    use nix::sys::signal::Signal;
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        let folder = workload();
        let folder = folder.path();
        let (mut build, old) = long_build(folder);
        await_building(&mut build);
        let process = nix::unistd::Pid::from_raw(build.id() as i32);
        nix::sys::signal::kill(process, signal).unwrap();
        let output = build.wait_with_output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        if signal == Signal::SIGKILL {
            assert_eq!(output.status.code(), None, "it was killed");
        } else {
            assert_eq!(output.status.code(), Some(130), "{message}");
            assert_eq!(message, "vexfs: interrupted; the old index is as it was\n");
        }
        assert_eq!(
            std::fs::read(folder.join("vectors.fvecs.hnsw")).unwrap(),
            old
        );
        assert_eq!(
            names(folder),
            ["queries.fvecs", "vectors.fvecs", "vectors.fvecs.hnsw"]
        );
        printed(folder, "index verify vectors.fvecs");
        let info = json(folder, "info vectors.fvecs");
        let expected =
            serde_json::json!([{"kind": "hnsw", "metric": "l2", "rows": 500, "tail": 20000}]);
        assert_eq!(info["indexes"], expected);
    }
}
