// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of the kinds of index: one file on every machine, one answer in every place, found rows and cost.

use crate::bench::first_divergence;
use crate::client::Place;
use crate::figures::Against;
use crate::protocol::results::Built;

use super::cases;
use super::evaluation::{Evaluated, limit};
use super::measure::{self, median};
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::evidence::Evidence;
use crate::verdict::figures;
use crate::verdict::searched::searched;

pub fn identity(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let (mut equal, mut threads) = (0, 0);
    for searched in searched(evidence)? {
        let Some(Built { blake3, .. }) = &searched.runs.built else {
            if searched.kind.kind.index().is_some() {
                return Ok(searched.fail("the guest built no index"));
            }
            continue;
        };
        let (host, on_host) = searched.on_host(evidence)?;
        threads = host.threads;
        if on_host.blake3 != *blake3 {
            return Ok(searched.fail(format!(
                "the guest built {blake3}, the host {}",
                on_host.blake3
            )));
        }
        for place in Place::ALL {
            let file = searched.place(place)?.file.as_ref();
            let below = file.map_or("no file", |file| file.lower_blake3.as_str());
            if below != blake3 {
                return Ok(searched.fail(format!(
                    "written through {place} it is {below} below, not {blake3}"
                )));
            }
        }
        equal += 1;
    }
    Ok(Finding::judge(
        equal > 0,
        format!(
            "{equal} indexes, built in the guest on 1 thread and on the host on {threads}, and read below {} places: the same bytes",
            Place::ALL.len()
        ),
    ))
}

pub fn answers(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let mut equal = 0;
    for searched in searched(evidence)? {
        let here = &searched.place(Place::InProcess)?.answers;
        if here.len() != searched.case.workload.queries() {
            return Ok(searched.fail(format!("{} queries were answered", here.len())));
        }
        for place in [Place::Fuse, Place::Kernel] {
            let there = &searched.place(place)?.answers;
            if let Some(divergence) = first_divergence(here, there) {
                return Ok(searched.fail(format!("{place} against in process: {divergence}")));
            }
            equal += there.len();
        }
    }
    Ok(Finding::pass(format!(
        "{equal} answers through FUSE and the module equal to the bit"
    )))
}

pub fn recall(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let mut shown = Vec::new();
    for searched in searched(evidence)? {
        let floor = searched.kind.recall;
        let here = searched.place(Place::InProcess)?.recall;
        for place in Place::ALL {
            let recall = searched.place(place)?.recall;
            if recall < floor || recall != here {
                return Ok(searched.fail(format!(
                    "{place}: {recall}, in process {here}, where at least {floor} is asked for"
                )));
            }
        }
        shown.push(format!("{} {here:.4}", searched.name()));
    }
    Ok(Finding::pass(shown.join(", ")))
}

pub fn samples(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let plan = evidence.plan()?;
    let mut series = 0;
    for searched in searched(evidence)? {
        let planned = plan
            .indexes
            .iter()
            .find(|case| case.name == searched.case.name);
        let runs = planned.map_or(0, |case| case.runs) as usize;
        for place in Place::ALL {
            let run = searched.place(place)?;
            if let Some(unstable) = &run.unstable {
                return Ok(searched.fail(format!(
                    "{place}: a later run answered differently: {unstable}"
                )));
            }
            let queries = searched.case.workload.queries();
            if let Some(fault) = measure::fault(&run.samples_ns, runs, queries) {
                return Ok(searched.fail(format!("{place}: {fault}")));
            }
            series += 1;
        }
    }
    Ok(Finding::pass(format!("{series} series, none incomplete")))
}

pub fn kernel_overhead(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    overhead(evidence, criterion, Place::Kernel)
}

pub fn fuse_overhead(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    overhead(evidence, criterion, Place::Fuse)
}

/// Demands that each kind of the timed cases keeps to the limit. A kind that does not outweighs one of which that is
/// not clear. Where no case is timed, all are shown and none is judged.
fn overhead(evidence: &Evidence, criterion: &Criterion, place: Place) -> Evaluated {
    let judged = evidence.criteria.indexes.iter().any(|case| case.timed);
    let limit = match judged {
        true => limit(criterion)?,
        false => f64::INFINITY,
    };
    let unit = measure::unit(evidence)?;
    let (mut kept, mut unclear) = (Vec::new(), None);
    for searched in searched(evidence)? {
        if judged && !searched.case.timed {
            continue;
        }
        let there = figures::index(evidence, &searched, place)?;
        let base = figures::index(evidence, &searched, Place::InProcess)?;
        let ratio = there
            .over(&base)
            .map_err(|refusal| searched.with_name(Finding::could_not_run(refusal)))?;
        let (there, base) = (median(&there)?, median(&base)?);
        let shown = format!("{there} {unit} against {base} in process: {ratio}");
        match ratio.against(limit) {
            Against::Above => return Ok(searched.fail(shown)),
            Against::Inconclusive => {
                unclear.get_or_insert(searched.with_name(Finding::inconclusive(shown)));
            }
            Against::Below => kept.push(format!("{} {ratio}", searched.name())),
        }
    }
    let shown = kept.join(", ");
    Ok(match (judged, unclear) {
        (false, _) => Finding::skipped(format!("the criteria judge no case by its cost: {shown}")),
        (true, Some(unclear)) => unclear,
        (true, None) => Finding::judge(!shown.is_empty(), shown),
    })
}

pub fn following(evidence: &Evidence, _: &Criterion) -> Evaluated {
    cases::through_both(&evidence.guest.indexes()?.following)
}

pub fn replacing(evidence: &Evidence, _: &Criterion) -> Evaluated {
    cases::contended(&evidence.guest.indexes()?.replacing)
}
