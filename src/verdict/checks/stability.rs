// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that the module comes and goes a hundred times and leaves nothing behind.

use crate::machine::session::Ending;
use crate::protocol::results::Cycle;

use super::evaluation::{Evaluated, limit};
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::evidence::{Evidence, Repetition};
use crate::verdict::fate::Fate;
use crate::verdict::kernel_memory::{SETTLING, kept_kib, slope};

/// The fewest cycles after the settling ones that make a slope: in fewer, one cached kernel stack more would be one.
const FEWEST: usize = 20;

pub fn cycles(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    let wanted = limit(criterion)? as usize;
    let run = evidence.guest.cycles()?;
    let done = run.cycles.len();
    if let Some(failure) = &run.failed {
        return Ok(Finding::fail(format!(
            "cycle {} of {} failed: {failure}",
            done + 1,
            run.planned
        )));
    }
    if let Some((n, fault)) = run
        .cycles
        .iter()
        .enumerate()
        .find_map(|(n, cycle)| Some((n, fault(cycle)?)))
    {
        return Ok(Finding::fail(format!("cycle {}: {fault}", n + 1)));
    }
    Ok(Finding::judge(done >= wanted, format!("{done} cycles")))
}

fn fault(cycle: &Cycle) -> Option<String> {
    if !cycle.answer_equal {
        return Some("the answer through the mount differs from the one in process".into());
    }
    if cycle.busy_unmount != "EBUSY" {
        return Some(format!(
            "unmounting with an open file gave {}, not EBUSY",
            cycle.busy_unmount
        ));
    }
    // delete_module(2) of 6.12 says EWOULDBLOCK for a module in use (kernel/module/main.c, try_stop_module).
    if cycle.busy_unload != "EAGAIN" && cycle.busy_unload != "EBUSY" {
        return Some(format!(
            "unloading while mounted gave {}, not a refusal",
            cycle.busy_unload
        ));
    }
    None
}

pub fn memory_slope(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    let limit = limit(criterion)?;
    let run = evidence.guest.cycles()?;
    let settled = kept_kib(run).split_off(SETTLING.min(run.cycles.len()));
    let enough = (settled.len() >= FEWEST).then(|| slope(&settled)).flatten();
    let Some(slope) = enough else {
        return Err(Finding::could_not_run(format!(
            "{} cycles are too few for a slope, which takes {}",
            run.cycles.len(),
            SETTLING + FEWEST
        )));
    };
    Ok(Finding::judge(
        slope < limit,
        format!("{slope:+.3} KiB a cycle (unreclaimable slab and vmalloc)"),
    ))
}

pub fn slab_leak(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let run = evidence.guest.cycles()?;
    if run.cycles.is_empty() {
        return Err(Finding::could_not_run("no cycle came to its end"));
    }
    // Destroyed, a cache is gone from /proc/slabinfo even with objects in it; then only the log tells.
    let log = evidence
        .kernel_log
        .as_ref()
        .map_err(Finding::could_not_run)?;
    if let Some(leak) = log.findings.iter().find(|finding| {
        finding.text.contains("BUG vexfs") && finding.text.contains("Objects remaining")
    }) {
        return Ok(Finding::fail(format!("line {}: {}", leak.line, leak.text)));
    }
    let remained = run
        .cycles
        .iter()
        .position(|cycle| cycle.memory.vexfs_objects > 0);
    if let Some(n) = remained {
        return Ok(Finding::fail(format!(
            "{} objects remained after the unload of cycle {}",
            run.cycles[n].memory.vexfs_objects,
            n + 1
        )));
    }
    let seen = |cycle: &Cycle| cycle.memory.vexfs_objects_mounted > 0;
    Ok(if run.cycles.iter().any(seen) {
        Finding::pass(format!(
            "0 objects after each of {} unloads",
            run.cycles.len()
        ))
    } else {
        Finding::fail(
            "no object of the module was seen even while it was mounted: the check is blind",
        )
    })
}

pub fn repeated(evidence: &Evidence, _: &Criterion) -> Evaluated {
    Ok(match &evidence.repetition {
        Repetition::Equal { bytes } => Finding::pass(format!(
            "{bytes} bytes of messages, times included, twice the same"
        )),
        Repetition::Different(message) => {
            Finding::fail(format!("two boots differ, first in: {message}"))
        }
        Repetition::Failed(reason) => Finding::fail(format!("the second boot: {reason}")),
        Repetition::CouldNotRun(reason) => {
            Finding::could_not_run(format!("the second boot: {reason}"))
        }
        Repetition::None(reason) => Finding::skipped(reason),
    })
}

pub fn completed(evidence: &Evidence, _: &Criterion) -> Evaluated {
    Ok(match &evidence.fate {
        Fate::NotStarted { .. } => Finding::could_not_run(&evidence.fate),
        Fate::Booted(Ending::Completed) => {
            let (planned, reported) = (evidence.plan()?.steps.len(), evidence.guest.steps.len());
            Finding::judge(
                planned == reported,
                format!("{reported} of {planned} steps reported"),
            )
        }
        Fate::Booted(ending) if ending.is_of_the_host() => Finding::could_not_run(ending),
        Fate::Booted(ending) => Finding::fail(ending),
    })
}
