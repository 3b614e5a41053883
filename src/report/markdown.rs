// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report.md`: what fits into the summary of a CI's job.

use std::fmt::Write;

use super::{Report, words};
use crate::validate::check::PHASES;

pub fn render(report: &Report) -> String {
    let verdict = report.verdict;
    let mut text = format!(
        "# VexFS validation: {}\n\n{}\n",
        words::verdict(verdict),
        escaped(&words::sentence(verdict))
    );
    text.push_str(&checks(report));
    text
}

fn checks(report: &Report) -> String {
    let rows = report.verdict.checks.iter().map(|check| {
        let phase = PHASES.iter().find(|(phase, _)| *phase == check.phase);
        vec![
            phase.map_or(check.phase.to_string(), |(phase, title)| {
                format!("{phase} {title}")
            }),
            format!("{} {}", words::sign(check.status), check.status.word()),
            check.id.clone(),
            check.measured.clone(),
            check.criterion.clone(),
        ]
    });
    table(
        "Checks",
        &["phase", "status", "check", "measured", "criterion"],
        rows,
    )
}

fn table(title: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!(
        "\n## {title}\n\n| {} |\n|{}\n",
        head.join(" | "),
        "---|".repeat(head.len())
    );
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
        writeln!(text, "| {} |", cells.join(" | ")).expect("a String takes everything");
    }
    text
}

/// Text that neither ends a cell nor means anything in Markdown or HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
