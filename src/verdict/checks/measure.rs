// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks what a search costs in each place, and that it was measured as planned.

use crate::client::Place;
use crate::figures::Against;
use crate::protocol::Accelerator;

use super::evaluation::{Evaluated, limit};
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::evidence::{Evidence, MachineRun};
use crate::verdict::figures::{self, Timed};

pub fn fuse_overhead(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    overhead(evidence, criterion, Place::Fuse)
}

pub fn kernel_overhead(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    overhead(evidence, criterion, Place::Kernel)
}

/// Judges the ratio of medians within one run, so that machine, build and bytes are the same.
fn overhead(evidence: &Evidence, criterion: &Criterion, place: Place) -> Evaluated {
    let limit = limit(criterion)?;
    let unit = unit(evidence)?;
    let there = figures::workload(evidence, place)?;
    let base = figures::workload(evidence, Place::InProcess)?;
    let ratio = there.over(&base).map_err(Finding::could_not_run)?;
    let (there, base) = (median(&there)?, median(&base)?);
    let measured = format!(
        "{there} {unit} against {base} in process: {ratio}, {:+} {unit} a search",
        there - base
    );
    Ok(match ratio.against(limit) {
        Against::Below => Finding::pass(measured),
        Against::Above => Finding::fail(measured),
        Against::Inconclusive => Finding::inconclusive(measured),
    })
}

pub fn median(timed: &Timed) -> Result<f64, Finding> {
    let measured = &timed.median.value;
    measured
        .value
        .ok_or_else(|| Finding::could_not_run(measured.reason.as_deref().unwrap_or_default()))
}

/// What the guest's clock counts, where that means anything for a whole call.
pub fn unit(evidence: &Evidence) -> Result<&'static str, Finding> {
    if evidence.runs_as(Accelerator::Uml) {
        return Err(Finding::skipped(
            "a system call of User-Mode Linux is far dearer than one of hardware: kernel.search-time judges the search",
        ));
    }
    clock_counts(evidence)
}

/// What a machine's clock counts, where that means anything.
pub fn clock_counts(run: &MachineRun) -> Result<&'static str, Finding> {
    let machine = run.machine()?;
    match machine.accelerator {
        Some(Accelerator::Tcg) => Err(Finding::skipped(
            "plain TCG has no clock that means anything: use kvm or icount",
        )),
        Some(Accelerator::Icount) => Ok("instructions"),
        Some(Accelerator::Kvm | Accelerator::Uml) => Ok("ns"),
        None => Err(Finding::skipped(format!(
            "what the clock counts is not known: {}",
            machine.reason
        ))),
    }
}

pub fn samples(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let planned = evidence.plan()?.runs as usize;
    let workload = evidence.guest.workload()?;
    let queries = workload.truth.len();
    for place in Place::ALL {
        let run = evidence.place(place)?;
        if let Some(unstable) = &run.unstable {
            return Ok(Finding::fail(format!(
                "{place}: a later run answered differently: {unstable}"
            )));
        }
        if let Some(fault) = fault(&run.samples_ns, planned, queries) {
            return Ok(Finding::fail(format!("{place}: {fault}")));
        }
    }
    Ok(Finding::pass(format!(
        "{planned} timed runs of {queries} queries in each of {} places",
        Place::ALL.len()
    )))
}

/// Says what keeps these samples from being those that were planned.
pub fn fault(samples: &[Vec<u64>], planned: usize, queries: usize) -> Option<String> {
    let complete = samples.len() == planned && samples.iter().all(|one| one.len() == queries);
    if queries == 0 || !complete {
        return Some(format!(
            "{} timed runs of {} queries, not {planned} of {queries}",
            samples.len(),
            samples.first().map_or(0, Vec::len)
        ));
    }
    let at_once = samples.iter().flatten().any(|&ns| ns == 0);
    at_once.then(|| "a search took no time at all".to_owned())
}
