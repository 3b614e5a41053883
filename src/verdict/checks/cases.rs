// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of cases that were tried through the drivers.

use super::evaluation::Evaluated;
use crate::client::Place;
use crate::criteria::check::{Finding, Status};
use crate::protocol::results::{Case, ConcurrencyRun, PerPlace};
use crate::verdict::evidence::in_place;

/// Demands that all cases hold through both drivers.
pub fn through_both(places: &PerPlace<Vec<Case>>) -> Evaluated {
    let mut held = Vec::new();
    for place in [Place::Fuse, Place::Kernel] {
        let finding = cases(place, in_place(places, place)?)?;
        if finding.status != Status::Pass {
            return Ok(finding);
        }
        held.push(finding.measured);
    }
    Ok(Finding::pass(held.join(", ")))
}

/// Demands that all cases hold, and that there are some.
pub fn cases(place: Place, cases: &[Case]) -> Evaluated {
    let faults: Vec<_> = cases.iter().filter(|case| !case.holds()).collect();
    if faults.is_empty() {
        let held = format!("{} cases through {place}", cases.len());
        return Ok(Finding::judge(!cases.is_empty(), held));
    }
    let faults: Vec<_> = faults
        .into_iter()
        .map(
            |Case {
                 name,
                 expected,
                 observed,
             }| format!("{name}: {observed} instead of {expected}"),
        )
        .collect();
    Ok(Finding::fail(format!("{place}, {}", faults.join("; "))))
}

/// Demands that through both drivers there were answers, and only right ones.
pub fn contended(places: &PerPlace<ConcurrencyRun>) -> Evaluated {
    let mut shown = Vec::new();
    for place in [Place::Fuse, Place::Kernel] {
        let run = in_place(places, place)?;
        if let Some(wrong) = run.wrong.first() {
            return Ok(Finding::fail(format!(
                "{place}: {} wrong answers, first: {wrong}",
                run.wrong.len()
            )));
        }
        if run.answers == 0 || run.changes == 0 {
            return Ok(Finding::fail(format!(
                "{place}: {} answers during {} changes",
                run.answers, run.changes
            )));
        }
        let refused: u64 = run.refusals.values().sum();
        shown.push(format!(
            "{place}: {} right answers and {refused} documented refusals on {} threads during {} changes",
            run.answers, run.threads, run.changes
        ));
    }
    Ok(Finding::pass(shown.join("; ")))
}
