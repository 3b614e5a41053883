// SPDX-License-Identifier: MIT OR Apache-2.0
//! The figures of a comparison, each with what it was measured under.

use std::ops::Deref;

use super::{Clock, Conditions, Dataset, Engine, Figure, Machine, Operation, Quantity, Window};
use crate::client::{Kind, Place};
use crate::peers::{BuildRecord, Compared, Comparison, Series};
use crate::protocol::Accelerator;

/// A comparison, and the machine on which it was made.
#[derive(Clone)]
pub struct Located<'a> {
    comparison: &'a Comparison,
    machine: Machine,
    clock: Clock,
}

impl Deref for Located<'_> {
    type Target = Comparison;

    fn deref(&self) -> &Comparison {
        self.comparison
    }
}

impl<'a> Located<'a> {
    pub fn on_host(comparison: &'a Comparison) -> Self {
        Located {
            comparison,
            machine: Machine::Host {
                cpu: comparison.host.cpu_model.clone(),
            },
            clock: Clock::Monotonic,
        }
    }

    /// A comparison in the guest of this bundle.
    pub fn in_guest(
        comparison: &'a Comparison,
        accelerator: Option<Accelerator>,
        bundle: String,
    ) -> Self {
        Located {
            comparison,
            machine: Machine::Guest {
                accelerator,
                cpu: Some(comparison.host.cpu_model.clone()),
                bundle,
            },
            clock: Clock::of(accelerator),
        }
    }

    pub fn comparison(&self) -> &'a Comparison {
        self.comparison
    }

    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// All figures: what inserting takes, and the median search of each series.
    pub fn figures(&self) -> Vec<Figure> {
        let of = |compared: &Compared| {
            let inserts = compared
                .builds
                .iter()
                .map(|build| self.insert(compared, build));
            let searches = compared
                .series
                .iter()
                .map(|series| self.median(compared, series));
            inserts.chain(searches).collect::<Vec<_>>()
        };
        self.workloads.iter().flat_map(of).collect()
    }

    /// The median search of a series.
    pub fn median(&self, compared: &Compared, series: &Series) -> Figure {
        self.timed(Quantity::Median, compared, series)
    }

    /// A figure of the searches of a series.
    pub fn timed(&self, quantity: Quantity, compared: &Compared, series: &Series) -> Figure {
        let conditions = self.of_series(compared, series);
        match series.measured.samples() {
            Ok(samples) => Figure::of_samples(quantity, &samples.samples_ns, conditions)
                .in_launches(compared.launches as usize),
            Err(reason) => Figure::missing(quantity, reason, conditions),
        }
    }

    /// The mean time of a series by the module's own clock.
    pub fn inside(&self, window: Window, compared: &Compared, series: &Series) -> Figure {
        let conditions = self.of_series(compared, series);
        match series.measured.samples() {
            Ok(samples) => Figure::of_readings(window, &samples.inside, conditions)
                .in_launches(compared.launches as usize),
            Err(reason) => Figure::missing(Quantity::Mean, reason, conditions),
        }
    }

    fn of_series(&self, compared: &Compared, series: &Series) -> Conditions {
        let samples = series.measured.samples();
        Conditions {
            effort: series.effort,
            recall: samples.ok().map(|samples| samples.recall_by_row),
            place: series.place.unwrap_or(Place::InProcess),
            threads: series.threads,
            ..self.conditions(compared, &series.engine, series.kind)
        }
    }

    /// The figure of inserting: the time until all rows were found.
    fn insert(&self, compared: &Compared, build: &BuildRecord) -> Figure {
        let conditions = Conditions {
            operation: Operation::Insert,
            k: None,
            ..self.conditions(compared, &build.engine, build.kind)
        };
        match (build.insert_ns.value, &build.insert_ns.reason) {
            (Some(ns), _) => Figure::once(ns, conditions),
            (None, reason) => {
                let reason = reason.as_deref().unwrap_or("no reason is given");
                Figure::missing(Quantity::Once, reason, conditions)
            }
        }
    }

    /// The conditions of a search in process at no effort.
    fn conditions(&self, compared: &Compared, engine: &str, kind: Kind) -> Conditions {
        let versions = self.engine(engine).map(|engine| {
            let versions: Vec<String> = engine.versions.values().cloned().collect();
            versions.join(", ")
        });
        Conditions {
            engine: Engine {
                name: engine.to_owned(),
                version: versions.unwrap_or_default(),
            },
            dataset: Dataset {
                // Not the name alone: the same rows are searched by us alone, too.
                name: format!("{} beside other engines", compared.workload.name),
                rows: compared.workload.rows as u64,
                dim: compared.workload.dim as u32,
                vectors_blake3: Some(compared.vectors_blake3.clone()),
                queries_blake3: Some(compared.queries_blake3.clone()),
            },
            operation: Operation::Search,
            window: Window::Call,
            metric: compared.metric,
            k: Some(compared.k),
            kind,
            effort: 0,
            recall: None,
            place: Place::InProcess,
            machine: self.machine.clone(),
            clock: self.clock,
            threads: 1,
        }
    }
}
