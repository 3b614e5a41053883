// SPDX-License-Identifier: MIT OR Apache-2.0
//! Statuses and verdicts in words, and the names that the style sheet has for them.

use super::charts::Stroke;
use super::numbers::grouped;
use crate::client::Place;
use crate::criteria::check::Status;
use crate::dataset::workload::{Name, Workload};
use crate::figures::{Against, Ratio, Spread};
use crate::verdict::fate::Fate;
use crate::verdict::{Verdict, Word};

pub fn verdict(verdict: &Verdict) -> &'static str {
    match verdict.verdict {
        Word::Pass => "PASS",
        Word::Fail => "FAIL",
        Word::CouldNotRun => "COULD NOT RUN",
        Word::Inconclusive => "INCONCLUSIVE",
    }
}

/// What the verdict comes from.
pub fn sentence(verdict: &Verdict) -> String {
    let counts = verdict.counts;
    let first = |status| verdict.checks.iter().find(|check| check.status == status);
    let of = |checks: usize| match checks {
        1 => "1 check".to_owned(),
        checks => format!("{checks} checks"),
    };
    match verdict.verdict {
        Word::Pass if counts.skipped == 0 => format!("All {} passed.", of(counts.pass)),
        Word::Pass => format!(
            "{} passed; {} skipped, which counts as nothing.",
            of(counts.pass),
            counts.skipped
        ),
        Word::Fail => match first(Status::Fail) {
            Some(check) => format!(
                "{} failed, first {}: {}",
                of(counts.fail),
                check.id,
                check.measured
            ),
            None => format!("{} failed.", of(counts.fail)),
        },
        Word::Inconclusive => match first(Status::Inconclusive) {
            Some(check) => format!(
                "{} inconclusive, first {}: {}",
                of(counts.inconclusive),
                check.id,
                check.measured
            ),
            None => "Nothing was decided.".into(),
        },
        Word::CouldNotRun => match (&verdict.machine, first(Status::CouldNotRun)) {
            (Fate::NotStarted { .. }, _) | (_, None) => format!("{}.", verdict.machine),
            (_, Some(check)) => format!(
                "{} could not run, first {}: {}",
                of(counts.could_not_run),
                check.id,
                check.measured
            ),
        },
    }
}

/// A sign beside the word, for whoever cannot tell the colours apart.
pub fn sign(status: Status) -> &'static str {
    match status {
        Status::Pass => "✓",
        Status::Fail => "✗",
        Status::Inconclusive => "≈",
        Status::Skipped => "–",
        Status::CouldNotRun => "?",
    }
}

pub fn class(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Fail => "fail",
        Status::Inconclusive => "inconclusive",
        Status::Skipped => "skipped",
        Status::CouldNotRun => "could-not-run",
    }
}

/// The word for a status after a count.
pub fn plural(status: Status) -> &'static str {
    match status {
        Status::Pass => "passed",
        Status::Fail => "failed",
        Status::Inconclusive => "inconclusive",
        Status::Skipped => "skipped",
        Status::CouldNotRun => "could not run",
    }
}

/// A workload in words, such as `inherited, 10,000 x 128`.
pub fn workload(workload: &Workload) -> String {
    let name = match workload.name {
        Name::Inherited => "inherited",
        Name::Clustered => "clustered",
    };
    let (rows, dim) = (grouped(workload.rows as u64), workload.dim);
    format!("{name}, {rows} x {dim}, {} queries", workload.queries)
}

pub fn place(place: Place) -> &'static str {
    match place {
        Place::InProcess => "in process",
        Place::Fuse => "FUSE",
        Place::Kernel => "module",
    }
}

pub fn stroke(place: Place) -> Stroke {
    Stroke(match place {
        Place::InProcess => 0,
        Place::Fuse => 1,
        Place::Kernel => 2,
    })
}

/// A ratio with the digits that its spread allows.
pub fn multiple(ratio: &Ratio) -> String {
    match ratio.spread {
        Spread::Exact => format!("{:.4}", ratio.value),
        Spread::Interval { .. } | Spread::Unknown { .. } => format!("{:.2}", ratio.value),
    }
}

/// What a ratio of times says.
pub fn of_times(ratio: &Ratio) -> &'static str {
    match ratio.against(1.0) {
        Against::Below => "faster",
        Against::Above => "slower",
        Against::Inconclusive => "inconclusive",
    }
}

/// The beginning of a hash.
pub fn shortened(hash: &str) -> String {
    match hash.len() {
        64 => format!("{hash:.16}…"),
        _ => hash.to_owned(),
    }
}
