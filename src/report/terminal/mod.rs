// SPDX-License-Identifier: MIT OR Apache-2.0
//! A verdict for a person: what was measured, every check, one line at the end.

mod engines;
mod places;
pub mod table;

use std::fmt::Write;

use comfy_table::{ColumnConstraint, Width};

use table::table;

use super::clocked;
use crate::criteria::check::{Check, PHASES, Status};
use crate::verdict::Verdict;
use crate::verdict::evidence::Evidence;
use crate::verdict::fate::Fate;

/// The whole report.
pub fn render(verdict: &Verdict, evidence: &Evidence) -> String {
    let mut text = String::new();
    if let Some(own) = &evidence.own {
        writeln!(text, "{}\n", own.record.sentence()).expect("a String takes everything");
    }
    let tables = [
        places::measurements(evidence),
        places::indexes(evidence),
        places::builds(evidence),
        engines::on_host(evidence),
        engines::in_guest(evidence),
    ];
    for table in tables.into_iter().flatten() {
        writeln!(text, "{table}\n").expect("a String takes everything");
    }
    for table in clocked::tables(evidence).unwrap_or_default() {
        writeln!(text, "{}\n{}\n", table.caption, table::of(&table))
            .expect("a String takes everything");
    }
    writeln!(text, "{}\n", checks(&verdict.checks)).expect("a String takes everything");
    write!(text, "{}", not_looked_at(verdict)).expect("a String takes everything");
    writeln!(text, "{}", last_line(verdict)).expect("a String takes everything");
    text
}

fn checks(checks: &[Check]) -> String {
    let mut text = String::new();
    for (phase, title) in PHASES {
        let mut rows = table();
        for check in checks.iter().filter(|check| check.phase == phase) {
            rows.add_row([check.status.word(), &check.id, &check.measured]);
        }
        for (column, width) in [(0, 15), (1, 21)] {
            if let Some(column) = rows.column_mut(column) {
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            }
        }
        writeln!(text, "phase {phase}: {title}\n{rows}").expect("a String takes everything");
    }
    text
}

fn not_looked_at(verdict: &Verdict) -> String {
    let mut text = String::new();
    for gap in &verdict.not_looked_at {
        if text.is_empty() {
            text.push_str("not looked at:\n");
        }
        writeln!(text, "  {}: {}", gap.what, gap.why).expect("a String takes everything");
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn last_line(verdict: &Verdict) -> String {
    let counts = verdict.counts;
    let word = verdict.verdict.word().to_uppercase();
    let mut line = format!(
        "verdict: {word}  ({} passed, {} failed, {} inconclusive, {} skipped, {} could not run; exit code {})",
        counts.pass,
        counts.fail,
        counts.inconclusive,
        counts.skipped,
        counts.could_not_run,
        verdict.exit_code()
    );
    let culprit = |status| verdict.checks.iter().find(|check| check.status == status);
    let failed = culprit(Status::Fail);
    if failed.is_none() && matches!(verdict.machine, Fate::NotStarted { .. }) {
        write!(line, "\n{}", verdict.machine).expect("a String takes everything");
    } else if let Some(check) = failed
        .or_else(|| culprit(Status::CouldNotRun))
        .or_else(|| culprit(Status::Inconclusive))
    {
        write!(line, "\n{}: {}", check.id, check.measured).expect("a String takes everything");
    }
    line
}
