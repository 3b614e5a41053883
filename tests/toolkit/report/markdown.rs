// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report.md` as the summary of a CI's job.

use super::fixture::{self, Record};

/// The tables below a heading, each as rows of cells.
fn tables(markdown: &str, heading: &str) -> Vec<Vec<Vec<String>>> {
    let section = markdown.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("\n\n").filter(|block| block.starts_with('|'));
    let row = |line: &str| {
        // A bar that is escaped is none that ends a cell.
        let line = line.replace("\\|", "\0");
        let cells = line
            .strip_prefix('|')
            .unwrap()
            .strip_suffix('|')
            .unwrap()
            .split('|');
        cells.map(|cell| cell.trim().replace('\0', "|")).collect()
    };
    blocks
        .map(|block| block.trim_end().lines().map(row).collect())
        .collect()
}

fn assert_tables(name: &str, record: &Record) {
    let markdown = record.report().markdown();
    for heading in [
        "Checks",
        "In process, through FUSE, through the module",
        "Engines side by side",
    ] {
        let tables = tables(&markdown, heading);
        assert!(!tables.is_empty(), "{name}: {heading}");
        for table in tables {
            assert!(table.len() > 2, "{name}: {heading}");
            for row in &table {
                assert_eq!(row.len(), table[0].len(), "{name}: {heading}: {row:?}");
            }
        }
    }
    let checks = &tables(&markdown, "Checks")[0];
    assert_eq!(checks.len() - 2, record.verdict.checks.len(), "{name}");
    assert!(!markdown.contains("<script"), "{name}");
}

#[test]
fn the_verdict_comes_first_and_each_table_is_whole() {
    for (name, record, word) in [
        ("full", fixture::full(), None),
        ("hostile", fixture::hostile(), Some("FAIL")),
    ] {
        assert_tables(name, &record);
        if let Some(word) = word {
            let first = record
                .report()
                .markdown()
                .lines()
                .next()
                .unwrap()
                .to_owned();
            assert_eq!(first, format!("# VexFS validation: {word}"));
        }
    }
}

#[test]
fn what_is_not_there_has_a_reason() {
    let markdown = fixture::empty().report().markdown();
    let engines = markdown.split("\n## Engines side by side\n").nth(1);
    let engines = engines.unwrap();
    assert!(
        engines.contains("no Python with the peers was given"),
        "{engines}"
    );
    assert!(markdown.contains("COULD NOT RUN"), "{markdown}");
}
