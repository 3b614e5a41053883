// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a search costs in each place, and that it was measured as planned.

use crate::guest::protocol::{Accelerator, Place};
use crate::guest::results::PlaceRun;

use super::super::check::Finding;
use super::super::criteria::Criterion;
use super::super::evidence::Evidence;
use super::{Evaluated, limit};

pub fn fuse_overhead(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    overhead(evidence, criterion, Place::Fuse)
}

pub fn kernel_overhead(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    overhead(evidence, criterion, Place::Kernel)
}

/// The ratio of medians within one run, so that machine, build and bytes are the same.
fn overhead(evidence: &Evidence, criterion: &Criterion, place: Place) -> Evaluated {
    let limit = limit(criterion)?;
    let machine = evidence.machine()?;
    let unit = match machine.accelerator {
        Some(Accelerator::Tcg) => {
            return Err(Finding::skipped(
                "plain TCG has no clock that means anything: use kvm or icount",
            ));
        }
        Some(Accelerator::Icount) => "instructions",
        Some(Accelerator::Kvm) => "ns",
        None => {
            return Err(Finding::skipped(format!(
                "what the clock counts is not known: {}",
                machine.reason
            )));
        }
    };
    let base = median(evidence.place(Place::InProcess)?)?;
    let there = median(evidence.place(place)?)?;
    let ratio = there as f64 / base as f64;
    Ok(Finding::judge(
        ratio <= limit,
        format!(
            "{there} {unit} against {base} in process: {ratio:.4} x, {:+} {unit} a search",
            there as i64 - base as i64
        ),
    ))
}

/// The median over all timed searches of a place, in nanoseconds of the guest's clock.
pub fn median(run: &PlaceRun) -> Result<u64, Finding> {
    let mut samples: Vec<u64> = run.samples_ns.iter().flatten().copied().collect();
    if samples.is_empty() {
        return Err(Finding::could_not_run("no search was timed"));
    }
    samples.sort_unstable();
    Ok(samples[samples.len() / 2])
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
        let complete = run.samples_ns.len() == planned
            && run.samples_ns.iter().all(|one| one.len() == queries);
        if queries == 0 || !complete {
            return Ok(Finding::fail(format!(
                "{place}: {} timed runs of {} queries, not {planned} of {queries}",
                run.samples_ns.len(),
                run.samples_ns.first().map_or(0, Vec::len)
            )));
        }
        if run.samples_ns.iter().flatten().any(|&ns| ns == 0) {
            return Ok(Finding::fail(format!(
                "{place}: a search took no time at all"
            )));
        }
    }
    Ok(Finding::pass(format!(
        "{planned} timed runs of {queries} queries in each of {} places",
        Place::ALL.len()
    )))
}
