// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report.md` as the summary of a CI's job.

use super::fixture::{self, Record};

/// The rows below a heading, cells apart.
fn rows(markdown: &str, heading: &str) -> Vec<Vec<String>> {
    let section = markdown.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let table = section.lines().skip_while(|line| line.is_empty());
    table
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            // A bar that is escaped is none that ends a cell.
            let line = line.replace("\\|", "\0");
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().replace('\0', "|")).collect()
        })
        .collect()
}

fn assert_tables(name: &str, record: &Record) {
    let markdown = record.report().markdown();
    for heading in [
        "Checks",
        "In process, through FUSE, through the module",
        "Engines side by side",
    ] {
        let rows = rows(&markdown, heading);
        assert!(rows.len() > 2, "{name}: {heading}");
        for row in &rows {
            assert_eq!(row.len(), rows[0].len(), "{name}: {heading}: {row:?}");
        }
    }
    assert_eq!(
        rows(&markdown, "Checks").len() - 2,
        record.verdict.checks.len(),
        "{name}"
    );
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
    assert!(
        markdown.contains("no Python with the peers was given"),
        "{markdown}"
    );
    assert!(markdown.contains("COULD NOT RUN"), "{markdown}");
}
