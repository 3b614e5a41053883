// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was measured on the host beside other engines: ratios within one interleaved run, between searches that find enough.

use crate::bench::stats::{Ratio, median, ratio_of_run_medians};
use crate::client::Kind;
use crate::comparison::{Compared, Comparison, Engine, OURS, Place, Samples, Series};

use super::super::check::{Finding, Status};
use super::super::criteria::Criterion;
use super::super::evidence::Evidence;
use super::{Evaluated, limit, measure};

const CHROMADB: &str = "chromadb";
const QDRANT: &str = "qdrant";

/// Every peer gave what was planned, in the version that is pinned.
pub fn measured(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let comparison = evidence.comparison()?;
    let (mut good, mut absent, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for peer in comparison
        .engines
        .iter()
        .filter(|engine| engine.name != OURS)
    {
        let name = &peer.name;
        if let Some(reason) = &peer.unavailable {
            absent.push(format!("{name}: {reason}"));
        } else if let Some(fault) = fault(comparison, name) {
            faults.push(format!("{name}: {fault}"));
        } else if let Some(other) = peer.not_as_pinned() {
            absent.push(other);
        } else {
            good.push(versions(peer));
        }
    }
    let good = format!("measured as pinned: {}", good.join(", "));
    Ok(if !faults.is_empty() {
        Finding::fail(faults.join("; "))
    } else if !absent.is_empty() {
        Finding::skipped(format!("{}; {good}", absent.join("; ")))
    } else {
        Finding::pass(good)
    })
}

fn versions(engine: &Engine) -> String {
    let versions = engine.versions.iter();
    let versions: Vec<_> = versions
        .map(|(package, version)| format!("{package} {version}"))
        .collect();
    versions.join(", ")
}

/// What keeps a peer's figures from being those that were planned.
fn fault(comparison: &Comparison, engine: &str) -> Option<String> {
    comparison.workloads.iter().find_map(|compared| {
        let (runs, queries) = (compared.runs as usize, compared.workload.queries);
        compared.of(engine, Place::OwnProcess).find_map(|series| {
            let fault = match series.measured.samples() {
                Err(reason) => Some(reason),
                Ok(samples) => measure::fault(&samples.samples_ns, runs, queries).or_else(|| {
                    let divergence = samples.divergence.as_ref()?;
                    Some(format!("a later run answered differently: {divergence}"))
                }),
            };
            fault.map(|fault| format!("{}: {fault}", describe(compared, series)))
        })
    })
}

fn describe(compared: &Compared, series: &Series) -> String {
    let name = compared.workload.name;
    match series.effort_name.as_str() {
        "" => format!("{name} {}", series.kind),
        effort => format!("{name} {}, {effort} {}", series.kind, series.effort),
    }
}

/// What a kind costs through FUSE beside the same search in process.
pub fn baseline(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    let limit = limit(criterion)?;
    let comparison = mounted(evidence)?;
    let floor = floor(evidence)?;
    let mut all = Judged::default();
    for compared in &comparison.workloads {
        let name = compared.workload.name;
        for kind in Kind::ALL {
            let of_kind = |series: &&Series| series.kind == kind;
            let mut here = compared
                .of(OURS, Place::InProcess)
                .filter(of_kind)
                .peekable();
            if here.peek().is_none() {
                continue;
            }
            let base = fastest(here, floor)
                .map_err(|reason| Finding::fail(format!("{name} {kind} in process: {reason}")))?;
            let through = compared
                .of(OURS, Place::Fuse)
                .find(|series| (series.kind, series.effort) == (kind, base.series.effort))
                .map(|series| series.measured.samples())
                .unwrap_or_else(|| Err("it was not measured".into()))
                .map_err(|reason| Finding::fail(format!("{name} {kind} through FUSE: {reason}")))?;
            if let Some(divergence) = &through.divergence {
                return Ok(Finding::fail(format!(
                    "{name} {kind} through FUSE: {divergence}"
                )));
            }
            let ratio = ratio(base.samples, through)?;
            all.add(
                ratio.interval.1 <= limit,
                ratio.interval.0 > limit,
                format!("{name} {kind} {}", shown(&ratio)),
            );
        }
    }
    Ok(all.finding())
}

pub fn against_chromadb(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    against(evidence, criterion, CHROMADB)
}

pub fn against_qdrant(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    against(evidence, criterion, QDRANT)
}

/// How many times as fast as a peer's fastest search that finds enough ours through FUSE is.
fn against(evidence: &Evidence, criterion: &Criterion, peer: &str) -> Evaluated {
    let limit = limit(criterion)?;
    let comparison = mounted(evidence)?;
    let floor = floor(evidence)?;
    let engine = comparison
        .engine(peer)
        .ok_or_else(|| Finding::could_not_run(format!("the criteria do not compare {peer}")))?;
    if let Some(reason) = &engine.unavailable {
        return Ok(Finding::skipped(reason));
    }
    if let Some(other) = engine.not_as_pinned() {
        return Ok(Finding::skipped(format!(
            "{other}: it is shown, not judged"
        )));
    }
    let mut all = Judged::default();
    for compared in &comparison.workloads {
        let name = compared.workload.name;
        let ours = fastest(compared.of(OURS, Place::Fuse), floor)
            .map_err(|reason| Finding::fail(format!("{name} through FUSE: {reason}")))?;
        let theirs = fastest(compared.of(peer, Place::OwnProcess), floor)
            .map_err(|reason| Finding::could_not_run(format!("{name} by {peer}: {reason}")))?;
        let ratio = ratio(ours.samples, theirs.samples)?;
        all.add(
            ratio.interval.0 >= limit,
            ratio.interval.1 < limit,
            format!(
                "{}: {:.1} µs against {:.1} µs of {}, {}",
                describe(compared, ours.series),
                ours.median_ns / 1e3,
                theirs.median_ns / 1e3,
                describe(compared, theirs.series),
                shown(&ratio)
            ),
        );
    }
    Ok(all.finding())
}

/// Where nothing can be mounted, what concerns FUSE does not apply.
fn mounted(evidence: &Evidence) -> Result<&Comparison, Finding> {
    let comparison = evidence.comparison()?;
    match &comparison.no_mount {
        None => Ok(comparison),
        Some(reason) => Err(Finding::skipped(reason)),
    }
}

/// The recall from which on searches are compared.
fn floor(evidence: &Evidence) -> Result<f64, Finding> {
    let plan = evidence.criteria.comparison.as_ref();
    plan.map(|plan| plan.recall)
        .ok_or_else(|| Finding::could_not_run("the criteria have no comparison"))
}

struct Fastest<'a> {
    series: &'a Series,
    samples: &'a Samples,
    /// Of the medians of the runs.
    median_ns: f64,
}

/// Of those that find enough; or why there is none.
fn fastest<'a>(all: impl Iterator<Item = &'a Series>, floor: f64) -> Result<Fastest<'a>, String> {
    let (mut best, mut most, mut failed): (Option<Fastest>, f64, Option<String>) =
        (None, 0.0, None);
    for series in all {
        match series.measured.samples() {
            Err(reason) => failed = Some(reason),
            Ok(samples) if samples.recall_by_row < floor => most = most.max(samples.recall_by_row),
            Ok(samples) => {
                let medians = samples.samples_ns.iter();
                let medians = medians.map(|run| median(run.iter().map(|&ns| ns as f64)));
                let median_ns = median(medians);
                if best.as_ref().is_none_or(|best| median_ns < best.median_ns) {
                    best = Some(Fastest {
                        series,
                        samples,
                        median_ns,
                    });
                }
            }
        }
    }
    best.ok_or_else(|| {
        failed.unwrap_or_else(|| format!("no recall above {most:.3}, {floor} is asked for"))
    })
}

fn ratio(base: &Samples, other: &Samples) -> Result<Ratio, Finding> {
    ratio_of_run_medians(&base.samples_ns, &other.samples_ns).map_err(Finding::could_not_run)
}

fn shown(ratio: &Ratio) -> String {
    let (low, high) = ratio.interval;
    format!("{:.2} x (95 %: {low:.2} to {high:.2})", ratio.ratio)
}

/// Several figures under one criterion: the worst of them counts.
#[derive(Default)]
struct Judged {
    words: Vec<String>,
    missed: bool,
    open: bool,
}

impl Judged {
    fn add(&mut self, met: bool, missed: bool, words: String) {
        self.missed |= missed;
        self.open |= !met && !missed;
        self.words.push(words);
    }

    fn finding(self) -> Finding {
        let words = self.words.join("; ");
        let status = match (self.missed, self.open) {
            (true, _) => Status::Fail,
            (false, true) => {
                let why = "inconclusive: an interval reaches over the limit";
                return Finding::could_not_run(format!("{why}: {words}"));
            }
            (false, false) if self.words.is_empty() => {
                return Finding::could_not_run("nothing was compared");
            }
            (false, false) => Status::Pass,
        };
        Finding {
            status,
            measured: words,
        }
    }
}
