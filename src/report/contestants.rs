// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who takes part in a comparison: a kind of an engine in a place, over its efforts; and how each is drawn.

use super::charts::{Shape, Stroke};
use crate::bench::stats;
use crate::client::Kind;
use crate::comparison::{Compared, Comparison, OURS, Place, Samples, Series};
use crate::figures::{Clock, Conditions, Dataset, Engine, Figure, Machine, Operation, Quantity};
use crate::guest::protocol;

/// What a setting must find to be called its contestant's best.
pub const FLOOR: f64 = 0.95;

/// An engine in a place: what a colour and a dash stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contestant {
    pub engine: String,
    pub place: Place,
    pub stroke: Stroke,
}

/// A series that was measured.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    pub series: &'a Series,
    pub samples: &'a Samples,
}

/// Searches in a second.
pub struct Rate {
    pub value: f64,
    /// With 95 % confidence, or why not.
    pub interval: Result<(f64, f64), &'static str>,
}

/// All of a workload, ours first.
pub fn of(comparison: &Comparison, compared: &Compared) -> Vec<Contestant> {
    const PEERS: [u8; 5] = [3, 4, 5, 7, 2];
    let mut all: Vec<Contestant> = Vec::new();
    for series in &compared.series {
        let known = |one: &Contestant| one.engine == series.engine && one.place == series.place;
        if all.iter().any(known) {
            continue;
        }
        let peer = comparison
            .engines
            .iter()
            .filter(|engine| engine.name != OURS);
        let position = peer
            .map(|engine| &engine.name)
            .position(|name| *name == series.engine);
        let stroke = match (series.place, position) {
            (Place::Fuse, _) => 1,
            (_, None) => 0,
            (_, Some(position)) => PEERS[position % PEERS.len()],
        };
        all.push(Contestant {
            engine: series.engine.clone(),
            place: series.place,
            stroke: Stroke(stroke),
        });
    }
    all
}

impl Contestant {
    pub fn name(&self) -> String {
        match self.place {
            Place::InProcess => format!("{} in process", self.engine),
            Place::Fuse => format!("{} through FUSE", self.engine),
            Place::OwnProcess => self.engine.clone(),
        }
    }

    /// The settings that were measured, of one kind or of all.
    pub fn settings<'a>(&self, compared: &'a Compared, kind: Option<Kind>) -> Vec<Setting<'a>> {
        let mut settings: Vec<Setting> = compared
            .of(&self.engine, self.place)
            .filter(|series| kind.is_none_or(|kind| kind == series.kind))
            .filter_map(|series| {
                Some(Setting {
                    series,
                    samples: series.measured.value.as_ref()?,
                })
            })
            .collect();
        settings.sort_by_key(|setting| (setting.series.kind, setting.series.effort));
        settings
    }

    /// The fastest setting that finds enough, by its median search; or why there is none.
    pub fn best<'a>(&self, compared: &'a Compared) -> Result<Setting<'a>, String> {
        let settings = self.settings(compared, None);
        if settings.is_empty() {
            let reason = compared
                .of(&self.engine, self.place)
                .find_map(|series| series.measured.reason.clone());
            return Err(format!(
                "not measured: {}",
                reason.unwrap_or_else(|| "no reason was recorded".into())
            ));
        }
        let enough = settings
            .into_iter()
            .filter(|setting| setting.samples.recall_by_row >= FLOOR);
        let timed = enough.filter(|setting| !setting.samples.samples_ns.concat().is_empty());
        timed
            .min_by(|a, b| a.median_ns().total_cmp(&b.median_ns()))
            .ok_or_else(|| format!("no setting reached recall {FLOOR}"))
    }
}

pub fn shape(kind: Kind) -> Shape {
    match kind {
        Kind::Flat => Shape::Square,
        Kind::Hnsw => Shape::Circle,
        Kind::Ivf => Shape::Up,
        Kind::Pq => Shape::Diamond,
        Kind::Lsh => Shape::Down,
    }
}

impl Setting<'_> {
    /// `hnsw, efSearch 64`.
    pub fn name(&self) -> String {
        match self.series.effort_name.as_str() {
            "" => self.series.kind.to_string(),
            name => format!("{}, {name} {}", self.series.kind, self.series.effort),
        }
    }

    /// All searches, in ascending order.
    pub fn sorted(&self) -> Vec<f64> {
        stats::sorted(
            self.samples
                .samples_ns
                .iter()
                .flatten()
                .map(|&ns| ns as f64),
        )
    }

    fn median_ns(&self) -> f64 {
        stats::median(self.sorted().into_iter())
    }

    /// Of the median run: its searches by the sum of their times.
    pub fn rate(&self) -> Option<Rate> {
        let runs = self.samples.samples_ns.iter().filter(|run| !run.is_empty());
        let rates: Vec<f64> = runs
            .map(|run| run.len() as f64 * 1e9 / run.iter().sum::<u64>() as f64)
            .collect();
        (!rates.is_empty()).then(|| Rate {
            value: stats::median(rates.iter().copied()),
            interval: stats::interval_of_median(&rates),
        })
    }

    /// Its median search, with what it was measured under.
    pub fn figure(&self, comparison: &Comparison, compared: &Compared) -> Figure {
        let engine = comparison.engine(&self.series.engine);
        let versions = engine.map(|engine| engine.versions.values().cloned().collect::<Vec<_>>());
        let conditions = Conditions {
            engine: Engine {
                name: self.series.engine.clone(),
                version: versions.unwrap_or_default().join(", "),
            },
            dataset: Dataset {
                name: super::words::workload(&compared.workload),
                rows: compared.workload.rows as u64,
                dim: compared.workload.dim as u32,
                vectors_blake3: Some(compared.vectors_blake3.clone()),
                queries_blake3: Some(compared.queries_blake3.clone()),
            },
            operation: Operation::Search,
            metric: compared.metric,
            k: Some(compared.k),
            kind: self.series.kind,
            effort: self.series.effort,
            recall: Some(self.samples.recall_by_row),
            place: match self.series.place {
                Place::InProcess | Place::OwnProcess => protocol::Place::InProcess,
                Place::Fuse => protocol::Place::Fuse,
            },
            machine: Machine::Host {
                cpu: comparison.host.cpu_model.clone(),
            },
            clock: Clock::Monotonic,
            threads: self.series.threads,
        };
        Figure::of_samples(Quantity::Median, &self.samples.samples_ns, conditions)
    }
}
