// SPDX-License-Identifier: MIT OR Apache-2.0
//! The figures of a run, each with what it was measured under (`figures.json`). Checks, tables and whoever compares
//! runs all take them from here.

use crate::anns::Metric;
use crate::bench::Measurement;
use crate::client::module_clock::Reading;
use crate::client::{Kind, Place};
use crate::dataset::source::Source;
use crate::figures::{
    Clock, Conditions, Dataset, Engine, Figure, Located, Machine, Operation, Quantity, Ratio,
    Refusal, Rule, Window,
};
use crate::protocol::results::MeasuredCase;
use crate::protocol::{Accelerator, Step};

use super::evidence::{Evidence, done};
use super::searched::{self, Searched};
use crate::criteria::check::Finding;
use crate::criteria::subject;
use crate::criteria::{IndexCriteria, KindCriteria};
use crate::host::fuse::Searches;

/// A series of timed searches.
pub struct Timed {
    pub median: Figure,
    pub p95: Figure,
    pub p99: Figure,
}

impl Timed {
    fn of(samples: &[Vec<u64>], conditions: &Conditions) -> Timed {
        let figure = |quantity| Figure::of_samples(quantity, samples, conditions.clone());
        Timed {
            median: figure(Quantity::Median),
            p95: figure(Quantity::P95),
            p99: figure(Quantity::P99),
        }
    }

    fn missing(reason: &str, conditions: &Conditions) -> Timed {
        let figure = |quantity| Figure::missing(quantity, reason, conditions.clone());
        Timed {
            median: figure(Quantity::Median),
            p95: figure(Quantity::P95),
            p99: figure(Quantity::P99),
        }
    }

    /// The median search in multiples of another place's.
    pub fn over(&self, base: &Timed) -> Result<Ratio, Refusal> {
        Ratio::new(&self.median, &base.median, Rule::Places)
    }

    fn figures(self) -> [Figure; 3] {
        [self.median, self.p95, self.p99]
    }
}

/// Every figure that was to be measured: those of the places, and those of all engines, on the host and in the guest.
/// One that was not measured has a reason instead of a value.
pub fn of(evidence: &Evidence) -> Vec<Figure> {
    let mut all = of_places(evidence);
    if let Ok(second) = evidence.of_second() {
        all.extend(of_guest(&second));
    }
    for comparison in [evidence.comparison(), evidence.comparison_in_guest()] {
        all.extend(comparison.iter().flat_map(Located::figures));
    }
    all
}

/// The figures of the places. In the guest: the workload, and each case of the indexes that is timed. On the host: the
/// workload.
pub fn of_places(evidence: &Evidence) -> Vec<Figure> {
    let mut all = of_guest(evidence);
    if subject::look_at_host(&evidence.criteria) {
        for place in [Place::InProcess, Place::Fuse] {
            let timed = on_host(evidence, place).unwrap_or_else(|finding| {
                Timed::missing(&finding.measured, &host_conditions(evidence, None, place))
            });
            all.extend(timed.figures());
        }
    }
    all
}

/// The figures of the places in a guest.
pub fn of_guest(evidence: &Evidence) -> Vec<Figure> {
    let mut all = Vec::new();
    let planned = |step| match &evidence.plan {
        Some(plan) => plan.steps.contains(&step),
        None => false,
    };
    let clocked = evidence.plan.as_ref().is_some_and(|plan| plan.module_clock);
    if planned(Step::Workload) {
        for place in Place::ALL {
            all.extend(workload_figures(evidence, place));
        }
        if clocked {
            all.extend(
                workload_inside(evidence)
                    .into_iter()
                    .flat_map(Inside::figures),
            );
        }
    }
    if planned(Step::Indexes) {
        for case in evidence.criteria.indexes.iter().filter(|case| case.timed) {
            for kind in &case.kinds {
                all.extend(index_figures(evidence, case, kind));
                if clocked && let Ok(searched) = searched::one(evidence, case, kind) {
                    let inside = index_inside(evidence, &searched);
                    all.extend(inside.into_iter().flat_map(Inside::figures));
                }
            }
        }
    }
    all
}

/// The searches of the workload in a place of the guest.
pub fn workload(evidence: &Evidence, place: Place) -> Result<Timed, Finding> {
    let run = evidence.place(place)?;
    let conditions = Conditions {
        recall: Some(run.recall),
        ..workload_conditions(evidence, place)
    };
    Ok(Timed::of(&run.samples_ns, &conditions))
}

/// The searches with one kind of index in a place of the guest.
pub fn index(evidence: &Evidence, searched: &Searched, place: Place) -> Result<Timed, Finding> {
    let run = searched.place(place)?;
    let measured = Some(searched.measured);
    let conditions = Conditions {
        recall: Some(run.recall),
        ..index_conditions(evidence, searched.case, searched.kind, measured, place)
    };
    Ok(Timed::of(&run.samples_ns, &conditions))
}

/// The mean search in a guest, in process and by the module's own clock.
pub struct Inside {
    pub in_process: Figure,
    pub handler: Figure,
    pub search: Figure,
}

impl Inside {
    fn of(samples: &[Vec<u64>], readings: &[Reading], conditions: [Conditions; 2]) -> Inside {
        let [here, kernel] = conditions;
        Inside {
            in_process: Figure::of_samples(Quantity::Mean, samples, here),
            handler: Figure::of_readings(Window::Handler, readings, kernel.clone()),
            search: Figure::of_readings(Window::Search, readings, kernel),
        }
    }

    fn figures(self) -> [Figure; 3] {
        [self.in_process, self.handler, self.search]
    }
}

/// The searches of the workload, beside the time that the module itself counts.
pub fn workload_inside(evidence: &Evidence) -> Result<Inside, Finding> {
    let here = evidence.place(Place::InProcess)?;
    let kernel = evidence.place(Place::Kernel)?;
    let conditions = [(Place::InProcess, here), (Place::Kernel, kernel)];
    let conditions = conditions.map(|(place, run)| Conditions {
        recall: Some(run.recall),
        ..workload_conditions(evidence, place)
    });
    Ok(Inside::of(&here.samples_ns, &kernel.inside, conditions))
}

/// The searches with one kind of index, beside the time that the module itself counts.
pub fn index_inside(evidence: &Evidence, searched: &Searched) -> Result<Inside, Finding> {
    let here = searched.place(Place::InProcess)?;
    let kernel = searched.place(Place::Kernel)?;
    let measured = Some(searched.measured);
    let conditions = [(Place::InProcess, here), (Place::Kernel, kernel)];
    let conditions = conditions.map(|(place, run)| Conditions {
        recall: Some(run.recall),
        ..index_conditions(evidence, searched.case, searched.kind, measured, place)
    });
    Ok(Inside::of(&here.samples_ns, &kernel.inside, conditions))
}

/// The searches of the workload on the host, which has no module.
pub fn on_host(evidence: &Evidence, place: Place) -> Result<Timed, Finding> {
    let searches = done(&evidence.host()?.searches)?;
    let measurement: &Measurement = match place {
        Place::InProcess => &searches.in_process,
        Place::Fuse => &searches.fuse,
        Place::Kernel => return Err(Finding::skipped("the module is never loaded on the host")),
    };
    let conditions = Conditions {
        recall: recall_as_in_guest(evidence, searches, measurement),
        ..host_conditions(evidence, Some(searches), place)
    };
    Ok(Timed::of(&measurement.samples_ns, &conditions))
}

/// The recall of the host's searches, as the guest found it: only the guest has the exact rows. None if the answers are
/// not the same.
fn recall_as_in_guest(
    evidence: &Evidence,
    searches: &Searches,
    measurement: &Measurement,
) -> Option<f64> {
    let workload = evidence.guest.workload().ok()?;
    let run = evidence.place(Place::InProcess).ok()?;
    let same = workload.vectors_blake3 == searches.vectors_blake3
        && workload.queries_blake3 == searches.queries_blake3
        && run.answers == measurement.answers;
    same.then_some(run.recall)
}

fn workload_figures(evidence: &Evidence, place: Place) -> Vec<Figure> {
    let conditions = workload_conditions(evidence, place);
    let inserted = Conditions {
        operation: Operation::Insert,
        k: None,
        ..conditions.clone()
    };
    let insert = match evidence.place(place) {
        Ok(run) => Figure::once(run.write_ns, inserted),
        Err(finding) => Figure::missing(Quantity::Once, &finding.measured, inserted),
    };
    let timed = workload(evidence, place)
        .unwrap_or_else(|finding| Timed::missing(&finding.measured, &conditions));
    timed.figures().into_iter().chain([insert]).collect()
}

fn index_figures(evidence: &Evidence, case: &IndexCriteria, kind: &KindCriteria) -> Vec<Figure> {
    let searched = searched::one(evidence, case, kind);
    let measured = match &searched {
        Ok(searched) => Some(searched.measured),
        Err(_) => None,
    };
    let conditions = |place| index_conditions(evidence, case, kind, measured, place);
    let mut all = Vec::new();
    if kind.kind.index().is_some() {
        let built = Conditions {
            operation: Operation::Build,
            k: None,
            effort: 0,
            ..conditions(Place::InProcess)
        };
        let build_ns = match &searched {
            Ok(searched) => searched
                .runs
                .built
                .as_ref()
                .map(|built| built.build_ns)
                .ok_or("the guest built no index"),
            Err(finding) => Err(finding.measured.as_str()),
        };
        all.push(match build_ns {
            Ok(build_ns) => Figure::once(build_ns, built),
            Err(reason) => Figure::missing(Quantity::Once, reason, built),
        });
    }
    for place in Place::ALL {
        let timed = match &searched {
            Ok(searched) => index(evidence, searched, place),
            Err(finding) => Err(finding.clone()),
        };
        let timed =
            timed.unwrap_or_else(|finding| Timed::missing(&finding.measured, &conditions(place)));
        all.extend(timed.figures());
    }
    all
}

/// The conditions of the workload's searches, as yet without recall.
fn workload_conditions(evidence: &Evidence, place: Place) -> Conditions {
    let asked = &evidence.criteria.workload;
    let measured = evidence.guest.workload().ok();
    let hashes = measured.map(|workload| (&workload.vectors_blake3, &workload.queries_blake3));
    Conditions {
        metric: asked.metric,
        k: Some(asked.k),
        dataset: dataset(&asked.name, size(evidence), hashes),
        ..guest_conditions(evidence, place)
    }
}

fn index_conditions(
    evidence: &Evidence,
    case: &IndexCriteria,
    kind: &KindCriteria,
    measured: Option<&MeasuredCase>,
    place: Place,
) -> Conditions {
    let hashes = measured.map(|case| (&case.vectors_blake3, &case.queries_blake3));
    Conditions {
        metric: case.metric,
        k: Some(case.k),
        kind: kind.kind,
        effort: kind.effort,
        dataset: dataset(&case.name, Some(size_of(&case.workload)), hashes),
        ..guest_conditions(evidence, place)
    }
}

/// What all searches in a guest have in common.
fn guest_conditions(evidence: &Evidence, place: Place) -> Conditions {
    let accelerator = evidence
        .machine
        .as_ref()
        .and_then(|machine| machine.accelerator);
    let identity = evidence.guest.identity().ok();
    Conditions {
        engine: this_engine(),
        dataset: dataset("", None, None),
        operation: Operation::Search,
        window: Window::Call,
        metric: Metric::L2,
        k: None,
        kind: Kind::Flat,
        effort: 0,
        recall: None,
        place,
        machine: Machine::Guest {
            accelerator,
            cpu: match accelerator {
                // Instructions are the same on every CPU.
                Some(Accelerator::Icount) => None,
                Some(Accelerator::Kvm | Accelerator::Tcg | Accelerator::Uml) | None => {
                    identity.map(|identity| identity.cpu_model.clone())
                }
            },
            bundle: evidence.bundle_id().unwrap_or_default(),
        },
        clock: Clock::of(accelerator),
        threads: 1,
    }
}

fn host_conditions(evidence: &Evidence, searches: Option<&Searches>, place: Place) -> Conditions {
    let asked = &evidence.criteria.workload;
    let hashes = searches.map(|searches| (&searches.vectors_blake3, &searches.queries_blake3));
    let cpu = evidence.cpu.clone();
    Conditions {
        engine: this_engine(),
        dataset: dataset(&asked.name, size(evidence), hashes),
        operation: Operation::Search,
        window: Window::Call,
        metric: asked.metric,
        k: Some(asked.k),
        kind: Kind::Flat,
        effort: 0,
        recall: None,
        place,
        machine: Machine::Host {
            cpu: cpu.unwrap_or_else(|| "a CPU without a name".into()),
        },
        clock: Clock::Monotonic,
        threads: 1,
    }
}

/// The number of rows, and of elements of each.
type Size = (usize, usize);

fn size_of(source: &Source) -> Size {
    (source.rows(), source.dim())
}

/// The size of the workload.
fn size(evidence: &Evidence) -> Option<Size> {
    match &evidence.own {
        Some(own) => Some((own.record.rows, own.record.dim)),
        None => evidence.criteria.workload().ok().as_ref().map(size_of),
    }
}

fn dataset(name: &str, size: Option<Size>, hashes: Option<(&String, &String)>) -> Dataset {
    Dataset {
        name: name.to_owned(),
        rows: size.map_or(0, |(rows, _)| rows as u64),
        dim: size.map_or(0, |(_, dim)| dim as u32),
        vectors_blake3: hashes.map(|(vectors, _)| vectors.clone()),
        queries_blake3: hashes.map(|(_, queries)| queries.clone()),
    }
}

fn this_engine() -> Engine {
    Engine {
        name: "vexfs".into(),
        version: env!("CARGO_PKG_VERSION").into(),
    }
}
