// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that the workload is the one that NumPy gives, and stays so through each mount.

use crate::client::Place;

use super::evaluation::Evaluated;
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::evidence::Evidence;

pub fn identity(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let workload = evidence.guest.workload()?;
    let expected = &evidence.criteria.workload;
    for (what, measured, expected) in [
        ("vectors", &workload.vectors_blake3, &expected.vectors),
        ("queries", &workload.queries_blake3, &expected.queries),
        ("exact ids", &workload.truth_blake3, &expected.truth),
    ] {
        if measured != expected {
            return Ok(Finding::fail(format!(
                "{what} hash to {measured}, not to {expected}"
            )));
        }
    }
    Ok(Finding::pass(format!(
        "vectors {:.16}…, queries {:.16}…, exact ids {:.16}…",
        expected.vectors, expected.queries, expected.truth
    )))
}

pub fn fuse_dataset(evidence: &Evidence, _: &Criterion) -> Evaluated {
    hashes_back(evidence, Place::Fuse)
}

pub fn kernel_dataset(evidence: &Evidence, _: &Criterion) -> Evaluated {
    hashes_back(evidence, Place::Kernel)
}

fn hashes_back(evidence: &Evidence, place: Place) -> Evaluated {
    let run = evidence.place(place)?;
    let expected = &evidence.criteria.workload.vectors;
    for (through, measured) in [
        ("through the mount", &run.vectors_blake3),
        ("below the mount", &run.lower_blake3),
    ] {
        if measured != expected {
            return Ok(Finding::fail(format!(
                "read back {through} the rows hash to {measured}, not to {expected}"
            )));
        }
    }
    Ok(Finding::pass(format!(
        "{expected:.16}… through the mount and below it"
    )))
}
