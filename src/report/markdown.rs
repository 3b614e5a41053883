// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report.md`: what fits into the summary of a CI's job.

use super::clocked;
use super::section::{not_looked_at, peers, places};
use super::shown::Shown;
use super::table::{Cell, Table, escaped};
use super::words;
use crate::criteria::check::PHASES;

pub fn render(shown: &Shown) -> String {
    let verdict = shown.verdict;
    let mut text = format!(
        "# VexFS validation: {}\n\n{}\n",
        words::verdict(verdict),
        escaped(&words::sentence(verdict))
    );
    section(&mut text, "Checks", Ok(vec![checks(shown)]));
    if let Some(table) = not_looked_at::table(verdict) {
        section(&mut text, not_looked_at::TITLE, Ok(vec![table]));
    }
    let places = places::tables(shown);
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
    let clocked = clocked::tables(shown.evidence);
    section(&mut text, "The module's own clock", clocked);
    section(&mut text, "Engines side by side", peers::tables(shown));
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

fn checks(shown: &Shown) -> Table {
    let mut table = Table::new(
        "Every check",
        &["phase", "status", "check", "measured", "criterion"],
    );
    for check in &shown.verdict.checks {
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
