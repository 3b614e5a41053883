// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares the checks of both verdicts, but not their words: a check that was skipped on one side alone changes the
//! word, and that is no difference.

use super::identity::{CRITERIA, others};
use super::row::{Agreement, Row, Side};
use crate::criteria::check::{Check, Status};

pub fn rows(packed: Side, new: Side) -> Vec<Row> {
    let same_criteria = others(packed, new, &[CRITERIA]).is_empty();
    let checks = packed.verdict.checks.iter();
    checks
        .filter_map(|one| {
            let mut checks = new.verdict.checks.iter();
            let other = checks.find(|other| other.id == one.id)?;
            let (outcome, why) = compared(one, other, same_criteria);
            Some(Row {
                what: format!("check {}", one.id),
                outcome,
                packed: one.status.word().into(),
                new: other.status.word().into(),
                why,
            })
        })
        .collect()
}

fn compared(one: &Check, other: &Check, same_criteria: bool) -> (Agreement, Option<String>) {
    let decided = |check: &&Check| matches!(check.status, Status::Pass | Status::Fail);
    if let Some(open) = [one, other].into_iter().find(|check| !decided(check)) {
        (Agreement::NotComparable, Some(open.measured.clone()))
    } else if one.status == other.status {
        (Agreement::Equal, None)
    } else if !same_criteria {
        let why = "the criteria are not the same".to_owned();
        (Agreement::NotComparable, Some(why))
    } else {
        let failed = match one.status {
            Status::Fail => one,
            _ => other,
        };
        (Agreement::Differs, Some(failed.measured.clone()))
    }
}
