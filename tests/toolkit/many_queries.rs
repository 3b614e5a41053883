// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs search` for all rows of a file of queries.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use vexfs::anns::{Metric, flat};
use vexfs::dataset::formats;

fn vexfs(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vexfs"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap()
}

fn printed(folder: &Path, arguments: &str) -> String {
    let output = vexfs(folder, arguments);
    assert!(output.status.success(), "{arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    printed(
        folder.path(),
        "dataset generate --workload clustered --rows 300 --dim 8 --queries 7 --out .",
    );
    folder
}

const SEARCH: &str = "search vectors.fvecs --query-file queries.fvecs --k 3";

/// The ids and distances that an exact search in this process finds.
fn expected(folder: &Path) -> Vec<Vec<(u32, f32)>> {
    let read = |name: &str| formats::read(&folder.join(name)).unwrap();
    let (vectors, queries) = (read("vectors.fvecs"), read("queries.fvecs"));
    let search = |query: &[f32]| {
        let found = flat::search(&vectors, Metric::L2, query, 3).hits;
        found.iter().map(|hit| (hit.row, hit.distance())).collect()
    };
    queries.iter().map(search).collect()
}

#[test]
fn every_query_is_answered_in_its_turn() {
    let folder = folder();
    let expected = expected(folder.path());
    let lines = expected.iter().enumerate().flat_map(|(query, hits)| {
        let line = move |(row, distance): &(u32, f32)| format!("{query}\t{row}\t{distance}\n");
        hits.iter().map(line)
    });
    assert_eq!(printed(folder.path(), SEARCH), lines.collect::<String>());

    let answers = printed(folder.path(), &format!("{SEARCH} --json"));
    let answers: Vec<Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), expected.len());
    for (query, (answer, hits)) in answers.iter().zip(&expected).enumerate() {
        assert_eq!(answer["query"], query);
        let found = answer["hits"].as_array().unwrap();
        let rows: Vec<_> = found.iter().map(|hit| hit["row"].clone()).collect();
        assert_eq!(rows, hits.iter().map(|&(row, _)| row).collect::<Vec<_>>());
    }
    // One row is answered as a query of its own.
    let one = printed(folder.path(), &format!("{SEARCH} --row 4"));
    let hits = &expected[4];
    assert_eq!(
        one.lines().next(),
        Some(&*format!("{}\t{}", hits[0].0, hits[0].1))
    );
}

#[test]
fn answers_are_written_into_files() {
    let folder = folder();
    let expected = expected(folder.path());
    for (ids, distances) in [("ids.npy", "d.npy"), ("ids.ivecs", "d.fvecs")] {
        let said = printed(
            folder.path(),
            &format!("{SEARCH} --ids {ids} --distances {distances}"),
        );
        assert_eq!(said, "");
        let read = |name: &str| formats::read(&folder.path().join(name)).unwrap();
        let (ids, distances) = (read(ids), read(distances));
        for (query, hits) in expected.iter().enumerate() {
            let row: Vec<f32> = hits.iter().map(|&(row, _)| row as f32).collect();
            assert_eq!(ids.row(query), row);
            let row: Vec<f32> = hits.iter().map(|&(_, distance)| distance).collect();
            assert_eq!(distances.row(query), row);
        }
    }
}

#[test]
fn what_a_link_leads_to_is_written_and_the_link_stays() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("old.npy"), "old").unwrap();
    std::os::unix::fs::symlink("old.npy", path("link.npy")).unwrap();
    std::os::unix::fs::symlink("nowhere", path("lost.npy")).unwrap();
    fs::set_permissions(path("old.npy"), Permissions::from_mode(0o600)).unwrap();
    printed(folder.path(), &format!("{SEARCH} --ids link.npy"));
    assert!(path("link.npy").is_symlink());
    let written = fs::metadata(path("old.npy")).unwrap();
    assert_eq!(written.permissions().mode() & 0o777, 0o600);
    assert_eq!(formats::read(&path("old.npy")).unwrap().rows(), 7);
    let lost = vexfs(folder.path(), &format!("{SEARCH} --ids lost.npy"));
    assert!(!lost.status.success() && path("lost.npy").is_symlink());
}

#[test]
fn a_query_that_finds_fewer_is_told_and_its_row_is_filled() {
    let folder = folder();
    printed(
        folder.path(),
        "index build vectors.fvecs --kind ivf --nlist 60",
    );
    let search = "search vectors.fvecs --query-file queries.fvecs --kind ivf --effort 1 --k 40";
    let output = vexfs(folder.path(), &format!("{search} --ids ids.npy"));
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("of 7 queries found fewer rows"), "{told}");
    let ids = formats::read(&folder.path().join("ids.npy")).unwrap();
    assert_eq!(ids.rows(), 7);
    let counts: Vec<_> = ids
        .iter()
        .map(|row| row.iter().filter(|&&id| id >= 0.0).count())
        .collect();
    let lines = printed(folder.path(), search);
    for (query, &count) in counts.iter().enumerate() {
        let of_query = format!("{query}\t");
        let found = lines.lines().filter(|line| line.starts_with(&of_query));
        assert_eq!(found.count(), count, "query {query}");
    }
    assert!(counts.iter().any(|&count| count < ids.dim()), "{counts:?}");
}

#[test]
fn what_must_not_be_written_is_refused_before_the_search() {
    let folder = folder();
    std::os::unix::fs::symlink("vectors.fvecs", folder.path().join("link.fvecs")).unwrap();
    for (options, sentence) in [
        (
            "--distances vectors.fvecs",
            "cannot write vectors.fvecs: it is read",
        ),
        (
            "--distances link.fvecs",
            "cannot write link.fvecs: it is read",
        ),
        ("--ids ids.txt", "its name must end in .npy or .ivecs"),
        ("--distances d.ivecs", "its name must end in .npy or .fvecs"),
        (
            "--ids a.npy --distances a.npy",
            "ids and distances need a file each",
        ),
        (
            "--ids ./a.npy --distances a.npy",
            "ids and distances need a file each",
        ),
        (
            "--ids none/a.npy",
            "cannot write none/a.npy: there is no folder none; make it first",
        ),
    ] {
        let output = vexfs(folder.path(), &format!("{SEARCH} {options}"));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && told.contains(sentence),
            "{options}: {told}"
        );
    }
    for wrong in ["--row 1 --ids a.npy", "--json --ids a.npy"] {
        let output = vexfs(folder.path(), &format!("{SEARCH} {wrong}"));
        assert_eq!(output.status.code(), Some(2), "{wrong}: {output:?}");
    }
    assert_eq!(printed(folder.path(), SEARCH).lines().count(), 21);
}
