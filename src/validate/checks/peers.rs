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
    Ok(measured_in(evidence.comparison()?))
}

fn measured_in(comparison: &Comparison) -> Finding {
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
    if !faults.is_empty() {
        Finding::fail(faults.join("; "))
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
    baseline_in(evidence.comparison()?, floor(evidence)?, limit(criterion)?)
}

fn baseline_in(comparison: &Comparison, floor: f64, limit: f64) -> Evaluated {
    mounted(comparison)?;
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
    against(
        evidence.comparison()?,
        CHROMADB,
        floor(evidence)?,
        limit(criterion)?,
    )
}

pub fn against_qdrant(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    against(
        evidence.comparison()?,
        QDRANT,
        floor(evidence)?,
        limit(criterion)?,
    )
}

/// How many times as fast as a peer's fastest search that finds enough ours through FUSE is.
fn against(comparison: &Comparison, peer: &str, floor: f64, limit: f64) -> Evaluated {
    mounted(comparison)?;
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
fn mounted(comparison: &Comparison) -> Result<(), Finding> {
    match &comparison.no_mount {
        None => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anns::Metric;
    use crate::bench::Measured;
    use crate::comparison::Host;
    use crate::dataset::workload::{Name, Workload};
    use Status::{CouldNotRun, Fail, Pass, Skipped};

    const RUNS: u64 = 5;

    /// Of one query, whose nanoseconds spread by `spread` over the runs.
    fn series(engine: &str, place: Place, recall: f64, ns: u64, spread: u64) -> Series {
        let samples = Samples {
            samples_ns: (0..RUNS).map(|run| vec![ns + run * spread]).collect(),
            ids: vec![vec![0]],
            recall_by_row: recall,
            recall_by_distance: recall,
            answers_blake3: None,
            divergence: None,
        };
        Series {
            engine: engine.into(),
            kind: Kind::Hnsw,
            place,
            effort: 10,
            effort_name: "ef".into(),
            threads: 1,
            measured: Measured::from(Ok::<_, String>(samples)),
        }
    }

    fn engine(name: &str) -> Engine {
        let version = [(name.to_owned(), "1.0".to_owned())];
        Engine {
            name: name.into(),
            versions: version.clone().into(),
            pinned: version.into(),
            interfaces: vec!["lo".into()],
            parameters: [].into(),
            unavailable: None,
        }
    }

    /// Ours takes 100 ns in process and 200 ns through FUSE, the peer 1,000 ns.
    fn comparison() -> Comparison {
        let workload = Workload {
            queries: 1,
            ..Workload::new(Name::Clustered)
        };
        Comparison {
            host: Host {
                cpu_model: "A CPU".into(),
                cpus: 2,
                core: 1,
                kernel_release: "6".into(),
                load_average: [0.0; 3],
            },
            seed: 42,
            no_mount: None,
            engines: vec![engine(OURS), engine(QDRANT)],
            workloads: vec![Compared {
                workload,
                vectors_blake3: String::new(),
                queries_blake3: String::new(),
                truth_blake3: String::new(),
                k: 1,
                metric: Metric::L2,
                warmups: 0,
                runs: RUNS as u32,
                builds: vec![],
                series: vec![
                    series(OURS, Place::InProcess, 1.0, 100, 0),
                    series(OURS, Place::Fuse, 1.0, 200, 0),
                    series(QDRANT, Place::OwnProcess, 1.0, 1_000, 0),
                ],
                order: vec![],
            }],
        }
    }

    fn changed(change: impl Fn(&mut Comparison)) -> Comparison {
        let mut comparison = comparison();
        change(&mut comparison);
        comparison
    }

    fn unmeasured(series: &mut Series, reason: &str) {
        series.measured = Measured::from(Err(reason.to_owned()));
    }

    fn status(evaluated: Evaluated) -> (Status, String) {
        let finding = evaluated.unwrap_or_else(|early| early);
        (finding.status, finding.measured)
    }

    fn vs_qdrant(comparison: &Comparison, limit: f64) -> (Status, String) {
        status(against(comparison, QDRANT, 0.95, limit))
    }

    #[test]
    fn a_peer_is_missing_another_version_faulty_or_as_pinned() {
        assert_eq!(
            measured_in(&comparison()),
            Finding::pass("measured as pinned: qdrant 1.0")
        );
        let judged = |change: fn(&mut Comparison)| {
            let finding = measured_in(&changed(change));
            (finding.status, finding.measured)
        };
        let (status, said) = judged(|c| c.engines[1].unavailable = Some("it is not there".into()));
        assert_eq!(
            (status, said.contains("qdrant: it is not there")),
            (Skipped, true),
            "{said}"
        );
        let (status, said) = judged(|c| {
            c.engines[1].versions.insert(QDRANT.into(), "1.1".into());
        });
        assert_eq!(
            (status, said.contains("qdrant is 1.1, not 1.0")),
            (Skipped, true),
            "{said}"
        );
        let (status, said) = judged(|c| unmeasured(&mut c.workloads[0].series[2], "it died"));
        assert_eq!(
            (status, said.as_str()),
            (Fail, "qdrant: clustered hnsw, ef 10: it died")
        );
        let (status, said) = judged(|c| c.workloads[0].runs += 1);
        assert_eq!(
            (status, said.contains("not 6 of 1")),
            (Fail, true),
            "{said}"
        );
        let (status, _) = judged(|c| {
            let samples = c.workloads[0].series[2].measured.value.as_mut().unwrap();
            samples.divergence = Some("run 1, query 0".into());
        });
        assert_eq!(status, Fail);
        // A fault is not hidden by what is missing.
        let (status, _) = judged(|c| {
            c.engines.push(Engine {
                unavailable: Some("not there".into()),
                ..engine("usearch")
            });
            unmeasured(&mut c.workloads[0].series[2], "it died");
        });
        assert_eq!(status, Fail);
    }

    #[test]
    fn a_ratio_passes_fails_or_is_inconclusive() {
        assert_eq!(vs_qdrant(&comparison(), 5.0).0, Pass);
        assert_eq!(vs_qdrant(&comparison(), 5.1).0, Fail);
        // 1,000 to 1,400 ns against 200.
        let spread = changed(|c| {
            c.workloads[0].series[2] = series(QDRANT, Place::OwnProcess, 1.0, 1_000, 100)
        });
        let (status, said) = vs_qdrant(&spread, 6.0);
        assert_eq!(
            (status, said.starts_with("inconclusive: ")),
            (CouldNotRun, true),
            "{said}"
        );

        let baseline = |limit| status_of_baseline(&comparison(), limit).0;
        assert_eq!((baseline(2.0), baseline(1.9)), (Pass, Fail));
    }

    fn status_of_baseline(comparison: &Comparison, limit: f64) -> (Status, String) {
        status(baseline_in(comparison, 0.95, limit))
    }

    #[test]
    fn only_searches_that_find_enough_are_compared() {
        // A faster one of the peer that finds too little does not count for it, and neither does one of ours.
        let with = |engine: &'static str, place, recall| {
            changed(move |c| {
                c.workloads[0]
                    .series
                    .push(series(engine, place, recall, 10, 0))
            })
        };
        let ratio = |comparison: &Comparison| vs_qdrant(comparison, 0.0).1;
        assert!(ratio(&with(QDRANT, Place::OwnProcess, 0.949)).contains(" 5.00 x"));
        assert!(ratio(&with(QDRANT, Place::OwnProcess, 0.95)).contains(" 0.05 x"));
        assert!(ratio(&with(OURS, Place::Fuse, 0.949)).contains(" 5.00 x"));
        let poor =
            changed(|c| c.workloads[0].series[2] = series(QDRANT, Place::OwnProcess, 0.5, 10, 0));
        assert_eq!(vs_qdrant(&poor, 1.0).0, CouldNotRun);
        let poor = changed(|c| c.workloads[0].series[1] = series(OURS, Place::Fuse, 0.5, 10, 0));
        assert_eq!(vs_qdrant(&poor, 1.0).0, Fail);
    }

    #[test]
    fn what_does_not_apply_is_skipped_and_what_failed_is_not() {
        let elsewhere = changed(|c| c.no_mount = Some("this host has no /dev/fuse".into()));
        assert_eq!(vs_qdrant(&elsewhere, 1.0).0, Skipped);
        assert_eq!(status_of_baseline(&elsewhere, 9.0).0, Skipped);
        let absent = changed(|c| c.engines[1].unavailable = Some("not there".into()));
        assert_eq!(vs_qdrant(&absent, 1.0), (Skipped, "not there".into()));
        let other = changed(|c| {
            c.engines[1].versions.insert(QDRANT.into(), "1.1".into());
        });
        assert_eq!(vs_qdrant(&other, 1.0).0, Skipped);

        let driver_died = changed(|c| unmeasured(&mut c.workloads[0].series[1], "the driver died"));
        assert_eq!(vs_qdrant(&driver_died, 1.0).0, Fail);
        assert_eq!(status_of_baseline(&driver_died, 9.0).0, Fail);
        let otherwise = changed(|c| {
            let samples = c.workloads[0].series[1].measured.value.as_mut().unwrap();
            samples.divergence = Some("against in process, query 0".into());
        });
        assert_eq!(status_of_baseline(&otherwise, 9.0).0, Fail);
        let empty = changed(|c| c.workloads.clear());
        assert_eq!(vs_qdrant(&empty, 1.0).0, CouldNotRun);
    }
}
