// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of the debug kernel: what its watchers say of the module, and what the module does when the kernel fails it.

use std::collections::BTreeSet;

use crate::client::Place;
use crate::criteria::check::Finding;
use crate::criteria::{Criterion, subject};
use crate::protocol::results::LostMemory;
use crate::verdict::evidence::Evidence;

use super::evaluation::{Evaluated, limit};
use super::{cases, kernel_log};

/// What a debug kernel must have been built with.
const WANTED: [&str; 6] = [
    "KASAN",
    "UBSAN",
    "lockdep",
    "kmemleak",
    "debug objects",
    "list checks",
];

/// Checks of every guest that its debugging makes meaningless or that it has a check of its own for.
const ASKED_ELSEWHERE: [&str; 3] = [
    "kernel.log",
    // KASAN keeps what was freed for a while.
    "memory.slope",
    "hostile.memory",
];

/// Whether a check of every guest is asked of the debug kernel, too.
pub fn holds_there(id: &str) -> bool {
    subject::holds_on_any_machine(id) && !ASKED_ELSEWHERE.contains(&id)
}

pub fn log(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    kernel_log::clean(&evidence.of_debug()?, criterion)
}

/// Demands that all watchers were there to the end, and that no memory of the module is lost.
pub fn watchers(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let debug = evidence.of_debug()?;
    let found = debug.guest.watchers()?;
    let built_in: BTreeSet<_> = found.built_in.iter().map(String::as_str).collect();
    let missing: Vec<_> = WANTED
        .into_iter()
        .filter(|name| !built_in.contains(name))
        .collect();
    if !missing.is_empty() {
        return Ok(Finding::fail(format!(
            "this kernel has no {}",
            missing.join(", no ")
        )));
    }
    if !found.lockdep_looks {
        return Ok(Finding::fail(
            "lockdep no longer looks: it has reported, or has run out of room",
        ));
    }
    let ours: Vec<_> = found.lost.iter().filter(|lost| is_ours(lost)).collect();
    if let Some(first) = ours.first() {
        return Ok(Finding::fail(format!(
            "{} pieces of the module's memory are lost, the first of {} bytes: {}",
            ours.len(),
            first.bytes,
            first.trace.join(" < ")
        )));
    }
    Ok(Finding::pass(format!(
        "{} to the end; 0 bytes of the module lost in {} scans, {} pieces of others",
        WANTED.join(", "),
        found.scans,
        found.lost.len()
    )))
}

/// Whether the module allocated it: it is named in the trace, or was unloaded since, so that no name is left. What was
/// allocated when the kernel booted is not the module's; anything else without a trace may be.
fn is_ours(lost: &LostMemory) -> bool {
    let nameless = lost.trace.is_empty() && !lost.program.starts_with("swapper");
    nameless
        || lost
            .trace
            .iter()
            .any(|function| function.ends_with("[vexfs]") || function.starts_with("0x"))
}

/// Demands that each operation came to its end with every allocation having failed once.
pub fn allocations(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    let limit = limit(criterion)?;
    let debug = evidence.of_debug()?;
    let operations = &debug.guest.failing()?.operations;
    let mut faults = Vec::new();
    for operation in operations {
        let name = &operation.name;
        faults.extend(
            operation
                .wrong
                .iter()
                .map(|wrong| format!("{name}: {wrong}")),
        );
        if !operation.exhausted {
            faults.push(format!(
                "{name}: {} failures, and no end",
                operation.failures
            ));
        }
    }
    if !faults.is_empty() {
        return Ok(Finding::fail(faults.join("; ")));
    }
    let sum = |count: fn(&_) -> u32| operations.iter().map(count).sum::<u32>();
    let failures = sum(|operation: &crate::protocol::results::Starved| operation.failures);
    let refused = sum(|operation: &crate::protocol::results::Starved| operation.refused);
    Ok(Finding::judge(
        f64::from(failures) >= limit,
        format!(
            "{failures} failed in {} operations: {refused} times refused, {} times done without",
            operations.len(),
            failures - refused
        ),
    ))
}

pub fn disk(evidence: &Evidence, _: &Criterion) -> Evaluated {
    cases::cases(Place::Kernel, &evidence.of_debug()?.guest.failing()?.disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_ours_by_name_or_by_an_address_without_one() {
        let lost = |trace: &[&str]| LostMemory {
            bytes: 8,
            program: "vexfs-step".into(),
            trace: trace.iter().map(|&function| function.to_owned()).collect(),
        };
        assert!(is_ours(&lost(&[
            "kmalloc+0x1",
            "vexfs_open+0x40/0x90 [vexfs]"
        ])));
        assert!(is_ours(&lost(&["kmalloc+0x1", "0x64a1b2c3"])));
        assert!(!is_ours(&lost(&["kmalloc+0x1", "ext4_open+0x40/0x90"])));
        assert!(is_ours(&lost(&[])));
        let boot = LostMemory {
            program: "swapper".into(),
            ..lost(&[])
        };
        assert!(!is_ours(&boot));
    }
}
