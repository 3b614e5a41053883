// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of what was measured beside the peers, on the host and in the guest: ratios within one interleaved run,
//! between searches that find enough.

use crate::client::{Kind, Place};
use crate::figures::{Fastest, Figure, Located, Ratio, Rule};
use crate::peers::{Compared, Comparison, Engine, OURS, Series};

use super::evaluation::{Evaluated, limit};
use super::held::{Held, Judged};
use super::measure;
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::evidence::Evidence;

pub(super) const CHROMADB: &str = "chromadb";
pub(super) const QDRANT: &str = "qdrant";

/// Demands that every peer gave what was planned, in the version that is pinned.
pub fn measured(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let comparison = evidence.comparison()?;
    let peers = comparison.engines.iter();
    Ok(measured_of(
        &comparison,
        peers.filter(|engine| engine.name != OURS),
    ))
}

pub(super) fn measured_of<'a>(
    comparison: &Comparison,
    engines: impl Iterator<Item = &'a Engine>,
) -> Finding {
    let (mut good, mut absent, mut gone, mut faults) = (vec![], vec![], vec![], vec![]);
    for peer in engines {
        let name = &peer.name;
        if let Some(reason) = &peer.unavailable {
            absent.push(format!("{name}: {reason}"));
        } else if let Some(fault) = fault(comparison, name) {
            match fault {
                Fault::Answers(fault) => faults.push(format!("{name}: {fault}")),
                Fault::Gone(why) => gone.push(format!("{name}: {why}")),
            }
        } else if let Some(other) = peer.not_as_pinned() {
            absent.push(other);
        } else {
            good.push(versions(peer));
        }
    }
    let good = format!("measured as pinned: {}", good.join(", "));
    if !faults.is_empty() {
        Finding::fail(faults.join("; "))
    } else if !gone.is_empty() {
        Finding::could_not_run(gone.join("; "))
    } else if !absent.is_empty() {
        Finding::skipped(format!("{}; {good}", absent.join("; ")))
    } else {
        Finding::pass(good)
    }
}

fn versions(engine: &Engine) -> String {
    let versions = engine.versions.iter();
    let versions: Vec<_> = versions
        .map(|(package, version)| format!("{package} {version}"))
        .collect();
    versions.join(", ")
}

/// What keeps an engine's figures from being those that were planned.
enum Fault {
    /// It gave no answers: it died, hung or refused, which says nothing of us.
    Gone(String),
    Answers(String),
}

fn fault(comparison: &Comparison, engine: &str) -> Option<Fault> {
    comparison.workloads.iter().find_map(|compared| {
        let (runs, queries) = (compared.runs as usize, compared.workload.queries);
        let mut all = compared.series.iter();
        all.find_map(|series| {
            if series.engine != engine {
                return None;
            }
            let fault = match series.measured.samples() {
                Err(reason) if engine != OURS => Some((Fault::Gone as fn(String) -> Fault, reason)),
                Err(reason) => Some((Fault::Answers as fn(String) -> Fault, reason)),
                Ok(samples) => measure::fault(&samples.samples_ns, runs, queries)
                    .or_else(|| {
                        let divergence = samples.divergence.as_ref()?;
                        Some(format!("it answered differently: {divergence}"))
                    })
                    .map(|fault| (Fault::Answers as fn(String) -> Fault, fault)),
            };
            fault.map(|(kind, fault)| {
                kind(format!(
                    "{} {}: {fault}",
                    describe(compared, series),
                    series.place.map_or("in its own process", words)
                ))
            })
        })
    })
}

pub(super) fn describe(compared: &Compared, series: &Series) -> String {
    format!("{} {}", compared.workload.name, series.setting())
}

/// Judges what a kind costs through FUSE beside the same search in process.
pub fn baseline(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    let comparison = evidence.comparison()?;
    mounted(&comparison)?;
    let limit = limit(criterion)?;
    places(
        &comparison,
        Place::InProcess,
        Place::Fuse,
        floor(evidence)?,
        limit,
    )
}

/// Judges what each kind's fastest search that finds enough in the place `base` takes in another place.
pub(super) fn places(
    comparison: &Located,
    base: Place,
    through: Place,
    floor: f64,
    limit: f64,
) -> Evaluated {
    let mut all = Judged::default();
    for compared in &comparison.workloads {
        let name = compared.workload.name;
        for kind in Kind::ALL {
            let of_kind = |series: &&Series| series.kind == kind;
            let mut here = compared.of(OURS, Some(base)).filter(of_kind).peekable();
            if here.peek().is_none() {
                continue;
            }
            let fail_in =
                |place, reason| Finding::fail(format!("{name} {kind} {}: {reason}", words(place)));
            let base = comparison
                .fastest(compared, here, floor)
                .map_err(|reason| fail_in(base, reason))?;
            let there = compared
                .of(OURS, Some(through))
                .find(|series| (series.kind, series.effort) == (kind, base.series.effort));
            let fail = |reason| fail_in(through, reason);
            let through = there.ok_or_else(|| fail("it was not measured".to_owned()))?;
            let samples = through.measured.samples().map_err(fail)?;
            if let Some(divergence) = &samples.divergence {
                return Ok(fail(divergence.clone()));
            }
            let through = comparison.median(compared, through);
            let ratio = ratio(&through, &base.median, Rule::Places)?;
            all.add(
                Held::at_most(ratio.against(limit)),
                format!("{name} {kind} {ratio}"),
            );
        }
    }
    Ok(all.finding())
}

pub fn against_chromadb(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    on_host(evidence, criterion, CHROMADB)
}

pub fn against_qdrant(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    on_host(evidence, criterion, QDRANT)
}

fn on_host(evidence: &Evidence, criterion: &Criterion, peer: &str) -> Evaluated {
    let comparison = evidence.comparison()?;
    mounted(&comparison)?;
    let limit = limit(criterion)?;
    against(&comparison, Place::Fuse, peer, floor(evidence)?, limit)
}

/// Judges how many times as fast as a peer's fastest search that finds enough our own in a place is.
pub(super) fn against(
    comparison: &Located,
    place: Place,
    peer: &str,
    floor: f64,
    limit: f64,
) -> Evaluated {
    judgeable(comparison, peer)?;
    let mut all = Judged::default();
    for compared in &comparison.workloads {
        let name = compared.workload.name;
        let fastest =
            |engine, place| comparison.fastest(compared, compared.of(engine, place), floor);
        let ours = fastest(OURS, Some(place))
            .map_err(|reason| Finding::fail(format!("{name} {}: {reason}", words(place))))?;
        let theirs = fastest(peer, None)
            .map_err(|reason| Finding::could_not_run(format!("{name} by {peer}: {reason}")))?;
        let rule = Rule::Engines { recall: floor };
        let ratio = ratio(&theirs.median, &ours.median, rule)?;
        let us = |fastest: &Fastest| fastest.ns / 1e3;
        all.add(
            Held::at_least(ratio.against(limit)),
            format!(
                "{}: {:.1} µs against {:.1} µs of {}, {ratio}",
                describe(compared, ours.series),
                us(&ours),
                us(&theirs),
                describe(compared, theirs.series),
            ),
        );
    }
    Ok(all.finding())
}

/// Refuses to judge by a peer that is not there, or in another version than the one that is pinned.
pub(super) fn judgeable(comparison: &Comparison, peer: &str) -> Result<(), Finding> {
    let engine = comparison
        .engine(peer)
        .ok_or_else(|| Finding::could_not_run(format!("the criteria do not compare {peer}")))?;
    if let Some(reason) = &engine.unavailable {
        return Err(Finding::skipped(reason));
    }
    match engine.not_as_pinned() {
        Some(other) => Err(Finding::skipped(format!(
            "{other}: it is shown, not judged"
        ))),
        None => Ok(()),
    }
}

pub(super) fn words(place: Place) -> &'static str {
    match place {
        Place::InProcess => "in process",
        Place::Fuse => "through FUSE",
        Place::Kernel => "through the module",
    }
}

/// Skips what concerns FUSE where nothing can be mounted.
pub(super) fn mounted(comparison: &Comparison) -> Result<(), Finding> {
    match &comparison.no_mount {
        None => Ok(()),
        Some(reason) => Err(Finding::skipped(reason)),
    }
}

/// The recall from which on searches are compared.
pub(super) fn floor(evidence: &Evidence) -> Result<f64, Finding> {
    let plan = evidence.criteria.comparison.as_ref();
    plan.map(|plan| plan.recall)
        .ok_or_else(|| Finding::could_not_run("the criteria have no comparison"))
}

pub(super) fn ratio(of: &Figure, to: &Figure, rule: Rule) -> Result<Ratio, Finding> {
    Ratio::new(of, to, rule).map_err(Finding::could_not_run)
}
