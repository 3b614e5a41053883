// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of what a user without privileges can do to the module, and of what is left of it.

use crate::client::Place;
use crate::criteria::Criterion;
use crate::criteria::check::{Finding, Status};
use crate::protocol::hostile::{Done, Kept};
use crate::verdict::evidence::Evidence;

use super::cases;
use super::evaluation::{Evaluated, limit};

/// Demands that each case came out as expected, and that this kernel could carry out all of them.
pub fn cases(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let told = evidence.guest.hostile()?;
    let finding = cases::cases(Place::Kernel, &told.cases)?;
    if finding.status != Status::Pass {
        return Ok(finding);
    }
    let Done {
        ioctls,
        files,
        taken,
        answers,
        changes,
        refusals,
    } = &told.done;
    let kinds = refusals.len();
    let refused: u64 = refusals.values().sum();
    let done = format!(
        "{}, seed {}: {ioctls} ioctls, {answers} answered, {refused} times refused by {kinds} errors; \
         {files} hostile files, {taken} answers by them; {changes} changes beneath",
        finding.measured, told.seed
    );
    if [ioctls, files, taken, answers, changes].contains(&&0) {
        return Ok(Finding::fail(format!("something was not tried: {done}")));
    }
    if told.absent.is_empty() {
        return Ok(Finding::pass(done));
    }
    let absent = told.absent.iter();
    let absent: Vec<_> = absent
        .map(|(case, reason)| format!("{case}: {reason}"))
        .collect();
    Ok(Finding::could_not_run(format!(
        "not tried: {}; otherwise {done}",
        absent.join("; ")
    )))
}

/// Demands that the kernel keeps no more than before.
pub fn memory(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    let limit = limit(criterion)?;
    let told = evidence.guest.hostile()?;
    let (before, after) = (&told.before, &told.after);
    type Count = fn(&Kept) -> u64;
    let counts: [(&str, Count); 4] = [
        ("references to the module", |kept| kept.references),
        ("objects of the module", |kept| kept.objects),
        ("open files", |kept| kept.open_files),
        ("locks", |kept| kept.locks),
    ];
    let mut faults = Vec::new();
    let mut shown = Vec::new();
    for (what, count) in counts {
        let (before, after) = (count(before), count(after));
        shown.push(format!("{after} {what}"));
        if after > before {
            faults.push(format!("{after} {what}, {before} before"));
        }
    }
    let grown = |size: Count| size(after) as f64 - size(before) as f64;
    let sizes: [(&str, Count); 2] = [
        ("unreclaimable slab and vmalloc", |kept| {
            kept.unreclaimable_kib
        }),
        ("pages of tmpfs", |kept| kept.shared_kib),
    ];
    for (what, size) in sizes {
        let grown = grown(size);
        shown.push(format!("{grown:+} KiB of {what}"));
        if grown >= limit {
            faults.push(format!("{grown:+} KiB of {what}"));
        }
    }
    Ok(match faults.is_empty() {
        true => Finding::pass(shown.join(", ")),
        false => Finding::fail(faults.join(", ")),
    })
}
