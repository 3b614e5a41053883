// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares the counts, which repeat to the digit under icount, for the same bundle, plan and QEMU.

use super::identity::{ACCELERATOR, BUNDLE, CRITERIA, QEMU, others};
use super::row::{Agreement, Row, Side};
use crate::figures::{Clock, Figure};
use crate::protocol::Accelerator;
use crate::protocol::run_files::RESULTS;
use crate::verdict::figures;

pub fn rows(packed: Side, new: Side) -> Vec<Row> {
    let obstacle = obstacle(packed, new);
    let row = |what: String, packed: String, new: String| Row {
        what,
        outcome: match &obstacle {
            Some(_) => Agreement::NotComparable,
            None if packed == new => Agreement::Equal,
            None => Agreement::Differs,
        },
        packed,
        new,
        why: obstacle.clone(),
    };
    let results = |side: Side| side.verdict.provenance.results_blake3.clone();
    let mut rows = vec![row(RESULTS.into(), results(packed), results(new))];
    let theirs = counts(new);
    rows.extend(counts(packed).iter().filter_map(|figure| {
        let name = figure.to_string();
        let other = theirs.iter().find(|other| other.to_string() == name)?;
        Some(row(name, value(figure), value(other)))
    }));
    rows
}

/// Why the counts of both runs need not be equal.
fn obstacle(packed: Side, new: Side) -> Option<String> {
    let others = others(packed, new, &[BUNDLE, CRITERIA, ACCELERATOR, QEMU]);
    let machine = packed.evidence.machine.as_ref();
    let icount = machine.and_then(|machine| machine.accelerator) == Some(Accelerator::Icount);
    match others.as_slice() {
        [] if icount => None,
        [] => Some("only under icount are times counts".into()),
        others => Some(format!("not the same: {}", others.join(", "))),
    }
}

fn counts(side: Side) -> Vec<Figure> {
    let mut all = figures::of(side.evidence);
    all.retain(|figure| figure.conditions.clock == Clock::Instructions);
    all
}

fn value(figure: &Figure) -> String {
    match (&figure.value.value, &figure.value.reason) {
        (Some(value), _) => value.to_string(),
        (None, reason) => reason.clone().unwrap_or_else(|| "not measured".into()),
    }
}
