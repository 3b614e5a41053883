// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that the FUSE driver keeps working, on the host and in the guest.

use crate::bench::first_divergence;
use crate::client::Place;

use super::evaluation::Evaluated;
use super::{cases, measure};
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::evidence::{Evidence, done, in_place};
use crate::verdict::figures;

pub fn host_lifecycle(evidence: &Evidence, _: &Criterion) -> Evaluated {
    done(&evidence.host()?.lifecycle)?;
    Ok(Finding::pass(
        "mounted, unmounted on SIGTERM, no mount and no process left",
    ))
}

pub fn host_files(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let host = evidence.host()?;
    let mut finding = cases::cases(Place::Fuse, done(&host.files)?)?;
    if !host.left_out.is_empty() {
        let left_out = host.left_out.join(", ");
        finding.measured += &format!("; not tried, since it takes root: {left_out}");
    }
    Ok(finding)
}

pub fn host_answers(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let searches = done(&evidence.host()?.searches)?;
    let expected = &evidence.criteria.workload.vectors;
    if searches.vectors_blake3 != *expected {
        return Ok(Finding::fail(format!(
            "vectors hash to {}, not to {expected}",
            searches.vectors_blake3
        )));
    }
    let (here, there) = (&searches.in_process.answers, &searches.fuse.answers);
    Ok(match first_divergence(here, there) {
        None if there.is_empty() => Finding::fail("no query was answered"),
        None => Finding::pass(format!(
            "{} answers equal to the bit; median search {:.1} µs in process, {:.1} µs through FUSE",
            there.len(),
            median_us(evidence, Place::InProcess)?,
            median_us(evidence, Place::Fuse)?
        )),
        Some(divergence) => Finding::fail(format!("FUSE against in process: {divergence}")),
    })
}

fn median_us(evidence: &Evidence, place: Place) -> Result<f64, Finding> {
    Ok(measure::median(&figures::on_host(evidence, place)?)? / 1e3)
}

pub fn guest_files(evidence: &Evidence, _: &Criterion) -> Evaluated {
    cases::cases(
        Place::Fuse,
        in_place(&evidence.guest.files()?.places, Place::Fuse)?,
    )
}
