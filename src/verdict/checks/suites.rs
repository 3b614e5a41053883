// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of the POSIX suites: that each driver does what its lower filesystem does.

use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::suites::expected::surprises;
use crate::verdict::evidence::{Evidence, done};

use super::evaluation::Evaluated;

/// So many surprises are told in full: a driver that does nothing right surprises in every case.
const TOLD: usize = 12;

pub fn pjdfstest(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let mut found = Vec::new();
    let mut passed = Vec::new();
    for run in &evidence.with_suites()?.guest.suites()?.runs {
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
    let planned = machine.plan()?.suites.map_or(0, |plan| plan.fsx_operations);
    let mut found = Vec::new();
    let mut files = 0;
    for run in &machine.guest.suites()?.runs {
        for changed in &run.fsx {
            let at = format!("{} {} {}", run.lower, run.place, changed.file);
            match done(&changed.outcome) {
                Err(finding) => found.push(format!("{at}: {}", finding.measured)),
                Ok(outcome) => match &outcome.wrong {
                    Some(wrong) => found.push(format!("{at}: {wrong}")),
                    None if outcome.operations < planned => {
                        found.push(format!("{at}: {} of {planned} changes", outcome.operations));
                    }
                    None => files += 1,
                },
            }
        }
        if run.fsx.is_empty() {
            found.push(format!("{} {}: no file was changed", run.lower, run.place));
        }
    }
    finding(found, || {
        format!("{planned} changes to each of {files} files read back as they were made")
    })
}

/// A control that was not run, or a driver that was left out, is no pass.
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
