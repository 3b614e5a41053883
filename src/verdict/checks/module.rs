// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that the module that ran is the bundle's, and does what a filesystem and the search ABI ask.

use crate::client::Place;

use super::cases;
use super::evaluation::Evaluated;
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::evidence::{Evidence, in_place};

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
    cases::cases(
        Place::Kernel,
        in_place(&evidence.guest.files()?.places, Place::Kernel)?,
    )
}

pub fn stacking(evidence: &Evidence, _: &Criterion) -> Evaluated {
    cases::cases(Place::Kernel, &evidence.guest.stacking()?.cases)
}

pub fn errors(evidence: &Evidence, _: &Criterion) -> Evaluated {
    cases::through_both(&evidence.guest.errors()?.places)
}

pub fn concurrency(evidence: &Evidence, _: &Criterion) -> Evaluated {
    cases::contended(&evidence.guest.concurrency()?.places)
}
