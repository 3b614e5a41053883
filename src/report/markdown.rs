// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report.md`: what fits into the summary of a CI's job.

use super::section::{peers, places};
use super::table::{Cell, Table, escaped};
use super::{Report, words};
use crate::validate::check::PHASES;

pub fn render(report: &Report) -> String {
    let verdict = report.verdict;
    let mut text = format!(
        "# VexFS validation: {}\n\n{}\n",
        words::verdict(verdict),
        escaped(&words::sentence(verdict))
    );
    section(&mut text, "Checks", Ok(vec![checks(report)]));
    let places = places::tables(report);
    let places = if places.is_empty() {
        Err(verdict.machine.to_string())
    } else {
        Ok(places)
    };
    section(
        &mut text,
        "In process, through FUSE, through the module",
        places,
    );
    section(&mut text, "Engines side by side", peers::tables(report));
    text
}

fn section(text: &mut String, title: &str, tables: Result<Vec<Table>, String>) {
    text.push_str(&format!("\n## {title}\n"));
    match tables {
        Ok(tables) => {
            for table in tables {
                text.push_str(&format!(
                    "\n{}:\n\n{}",
                    escaped(&table.caption),
                    table.markdown()
                ));
            }
        }
        Err(reason) => text.push_str(&format!("\nNothing: {}\n", escaped(&reason))),
    }
}

fn checks(report: &Report) -> Table {
    let mut table = Table::new(
        "Every check",
        &["phase", "status", "check", "measured", "criterion"],
    );
    for check in &report.verdict.checks {
        let phase = PHASES.iter().find(|(phase, _)| *phase == check.phase);
        table.row([
            Cell::text(phase.map_or(check.phase.to_string(), |(phase, title)| {
                format!("{phase} {title}")
            })),
            Cell::text(format!(
                "{} {}",
                words::sign(check.status),
                check.status.word()
            )),
            Cell::text(&check.id),
            Cell::text(&check.measured),
            Cell::text(&check.criterion),
        ]);
    }
    table
}
