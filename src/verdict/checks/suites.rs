// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of the POSIX suites: that each driver does what its lower filesystem does.

use std::collections::BTreeMap;

use crate::client::Place;
use crate::criteria::Criterion;
use crate::criteria::check::{Finding, Status};
use crate::protocol::SuitesPlan;
use crate::protocol::results::SuiteRun;
use crate::suites::expected::surprises;
use crate::verdict::evidence::{Evidence, done};

use super::evaluation::Evaluated;

/// So many surprises are told in full: a driver that does nothing right surprises in every case.
const TOLD: usize = 12;

pub fn pjdfstest(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let mut found = Vec::new();
    let mut passed = Vec::new();
    for run in whole(evidence)? {
        let results = done(&run.pjdfstest)?;
        let surprises = surprises(results, &[&run.lower, run.place.name()]);
        passed.push(format!("{} {} {}", run.lower, run.place, results.passed));
        let here = surprises.into_iter();
        found.extend(here.map(|surprise| format!("{} {}: {surprise}", run.lower, run.place)));
    }
    finding(found, || {
        format!("cases passed, all others are listed: {}", passed.join(", "))
    })
}

pub fn fsx(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let machine = evidence.with_suites()?;
    let plan = machine.plan()?.suites;
    let plan = plan.ok_or_else(|| Finding::could_not_run("no suites were planned"))?;
    let mut found = Vec::new();
    let mut changes = BTreeMap::<&str, u64>::new();
    for run in whole(evidence)? {
        for changed in &run.fsx {
            let at = format!("{} {} {}", run.lower, run.place, changed.file);
            match done(&changed.outcome) {
                Err(finding) => found.push(format!("{at}: {}", finding.measured)),
                Ok(outcome) => match &outcome.wrong {
                    Some(wrong) => found.push(format!("{at}: {wrong}")),
                    None if outcome.operations < plan.changes(run.place) => found.push(format!(
                        "{at}: {} of {} changes",
                        outcome.operations,
                        plan.changes(run.place)
                    )),
                    None => *changes.entry(run.place.name()).or_default() += outcome.operations,
                },
            }
        }
        let (files, planned) = (run.fsx.len(), SuitesPlan::files(run.place).len());
        if files < planned {
            found.push(format!(
                "{} {}: {files} of {planned} files",
                run.lower, run.place
            ));
        }
    }
    finding(found, || {
        let changes = changes.iter();
        let changes: Vec<_> = changes
            .map(|(place, made)| format!("{place} {made}"))
            .collect();
        format!(
            "changes that read back as they were made: {}",
            changes.join(", ")
        )
    })
}

/// Both suites on the debug kernel.
pub fn on_debug_kernel(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    let debug = evidence.of_debug()?;
    let cases = pjdfstest(&debug, criterion)?;
    if cases.status != Status::Pass {
        return Ok(cases);
    }
    let changes = fsx(&debug, criterion)?;
    Ok(Finding {
        measured: format!("{}; {}", cases.measured, changes.measured),
        ..changes
    })
}

/// The runs. A control that is not there, or a driver that was left out, is a fault.
fn whole(evidence: &Evidence) -> Result<&[SuiteRun], Finding> {
    let runs = &evidence.with_suites()?.guest.suites()?.runs;
    for lower in SuitesPlan::LOWER {
        for place in Place::ALL {
            let same = |run: &SuiteRun| run.lower == lower && run.place == place;
            if !runs.iter().any(same) {
                return Err(Finding::fail(format!(
                    "nothing was run in {place} on {lower}"
                )));
            }
        }
    }
    Ok(runs)
}

fn finding(mut found: Vec<String>, held: impl FnOnce() -> String) -> Evaluated {
    if found.is_empty() {
        return Ok(Finding::pass(held()));
    }
    let more = found.len().saturating_sub(TOLD);
    found.truncate(TOLD);
    if more > 0 {
        found.push(format!("{more} more"));
    }
    Ok(Finding::fail(found.join("; ")))
}
