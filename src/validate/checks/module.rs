// SPDX-License-Identifier: MIT OR Apache-2.0
//! The module that ran is the bundle's, and does what a filesystem and the search ABI ask.

use crate::guest::protocol::Place;
use crate::guest::results::{Case, ConcurrencyRun, PerPlace};

use super::super::check::{Finding, Status};
use super::super::criteria::Criterion;
use super::super::evidence::{Evidence, in_place};
use super::Evaluated;

pub fn identity(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let module = evidence.guest.module()?;
    let manifest = evidence.manifest()?;
    let wanted = &manifest.module.identity.build_id;
    let found = &module.loaded_build_id;
    if found != wanted {
        return Ok(Finding::fail(format!(
            "the loaded module has build id {found}, the bundle's has {wanted}"
        )));
    }
    let after = &evidence.guest.workload()?.module_after;
    Ok(Finding::judge(
        after.as_ref() == Some(wanted),
        format!(
            "build id {found} when first loaded, {} after the benchmark",
            after.as_deref().unwrap_or("none")
        ),
    ))
}

pub fn lifecycle(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let module = evidence.guest.module()?;
    let after = evidence.guest.after()?;
    let facts = [
        ("listed", module.listed),
        ("registered", module.filesystem_registered),
        ("unloaded", module.gone),
        ("loaded after the benchmark", after.still_loaded),
        ("gone at the end", after.gone),
        ("no mount left", after.mounts.is_empty()),
        ("no process left", after.processes.is_empty()),
    ];
    Ok(match facts.iter().find(|(_, holds)| !holds) {
        None => Finding::pass(facts.map(|(fact, _)| fact).join(", ")),
        Some((fact, _)) => Finding::fail(format!("not so: {fact}")),
    })
}

pub fn files(evidence: &Evidence, _: &Criterion) -> Evaluated {
    cases(
        Place::Kernel,
        in_place(&evidence.guest.files()?.places, Place::Kernel)?,
    )
}

pub fn errors(evidence: &Evidence, _: &Criterion) -> Evaluated {
    through_both(&evidence.guest.errors()?.places)
}

/// All cases hold through both drivers.
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

/// All cases hold, and there are some.
pub fn cases(place: Place, cases: &[Case]) -> Evaluated {
    Ok(match cases.iter().find(|case| !case.holds()) {
        Some(Case {
            name,
            expected,
            observed,
        }) => Finding::fail(format!("{place}, {name}: {observed} instead of {expected}")),
        None => Finding::judge(
            !cases.is_empty(),
            format!("{} cases through {place}", cases.len()),
        ),
    })
}

pub fn concurrency(evidence: &Evidence, _: &Criterion) -> Evaluated {
    contended(&evidence.guest.concurrency()?.places)
}

/// Through both drivers there were answers, all right ones.
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
