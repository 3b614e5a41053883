// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that every place gives the same bits, and the right ones.

use crate::bench::first_divergence;
use crate::client::Place;

use super::evaluation::{Evaluated, limit};
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::evidence::Evidence;

pub fn fuse(evidence: &Evidence, _: &Criterion) -> Evaluated {
    equal_to_in_process(evidence, Place::Fuse)
}

pub fn kernel(evidence: &Evidence, _: &Criterion) -> Evaluated {
    equal_to_in_process(evidence, Place::Kernel)
}

fn equal_to_in_process(evidence: &Evidence, place: Place) -> Evaluated {
    let here = &evidence.place(Place::InProcess)?.answers;
    let there = &evidence.place(place)?.answers;
    Ok(match first_divergence(here, there) {
        None if here.is_empty() => Finding::fail("no query was answered"),
        None => Finding::pass(format!(
            "{} of {} answers equal to the bit",
            there.len(),
            here.len()
        )),
        Some(divergence) => Finding::fail(format!("{place} against in process: {divergence}")),
    })
}

pub fn recall(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    let limit = limit(criterion)?;
    let mut found = Vec::new();
    let mut reached = true;
    for place in Place::ALL {
        let recall = evidence.place(place)?.recall;
        reached &= recall >= limit;
        found.push(format!("{place} {recall}"));
    }
    Ok(Finding::judge(reached, found.join(", ")))
}
