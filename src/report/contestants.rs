// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who takes part in a comparison: a kind of an engine in a place, over its efforts; and how each is drawn.

use super::charts::{Shape, Stroke};
use crate::bench::stats;
use crate::client::Kind;
use crate::comparison::{Compared, Comparison, OURS, Place, Samples, Series};
use crate::figures::{Figure, Located};

/// One workload with all who took part in it.
pub struct Field<'a> {
    pub comparison: Located<'a>,
    pub compared: &'a Compared,
    /// The recall that a setting must reach to be called its contestant's best.
    pub floor: f64,
    /// Ours first.
    pub contestants: Vec<Contestant<'a>>,
}

/// An engine in a place: what a colour and a dash stand for.
pub struct Contestant<'a> {
    pub engine: &'a str,
    pub place: Place,
    pub stroke: Stroke,
    /// By kind and effort.
    pub series: Vec<Entry<'a>>,
}

/// A series, and what came of it; or why nothing did.
pub struct Entry<'a> {
    pub series: &'a Series,
    pub measured: Result<Setting<'a>, String>,
}

/// A series that was measured.
pub struct Setting<'a> {
    pub series: &'a Series,
    pub samples: &'a Samples,
    /// The time of each search, in ascending order; there is at least one.
    pub sorted: Vec<f64>,
    pub median_ns: f64,
    pub rate: Rate,
}

/// Searches in a second.
pub struct Rate {
    pub value: f64,
    /// With 95 % confidence, or why not.
    pub interval: Result<(f64, f64), &'static str>,
}

impl<'a> Field<'a> {
    pub fn new(comparison: Located<'a>, compared: &'a Compared, floor: f64) -> Field<'a> {
        let mut contestants: Vec<Contestant> = Vec::new();
        for series in &compared.series {
            let entry = Entry {
                series,
                measured: Setting::of(series),
            };
            let same =
                |one: &&mut Contestant| one.engine == series.engine && one.place == series.place;
            match contestants.iter_mut().find(same) {
                Some(contestant) => contestant.series.push(entry),
                None => contestants.push(Contestant {
                    engine: &series.engine,
                    place: series.place,
                    stroke: stroke(&comparison, series),
                    series: vec![entry],
                }),
            }
        }
        let engine = |one: &Contestant| {
            comparison
                .engines
                .iter()
                .position(|engine| engine.name == one.engine)
        };
        contestants.sort_by_key(|one| (engine(one), one.place));
        for contestant in &mut contestants {
            contestant
                .series
                .sort_by_key(|entry| (entry.series.kind, entry.series.effort));
        }
        Field {
            comparison,
            compared,
            floor,
            contestants,
        }
    }

    pub fn name(&self) -> String {
        super::words::workload(&self.compared.workload)
    }
}

fn stroke(comparison: &Comparison, series: &Series) -> Stroke {
    const PEERS: [u8; 5] = [3, 4, 5, 7, 6];
    let mut peers = comparison
        .engines
        .iter()
        .filter(|engine| engine.name != OURS);
    let position = peers.position(|engine| engine.name == series.engine);
    Stroke(match (series.place, position) {
        (Place::Fuse, _) => 1,
        (Place::Kernel, _) => 2,
        (_, None) => 0,
        (_, Some(position)) => PEERS[position % PEERS.len()],
    })
}

impl<'a> Contestant<'a> {
    pub fn name(&self) -> String {
        match self.place {
            Place::InProcess => format!("{} in process", self.engine),
            Place::Fuse => format!("{} through FUSE", self.engine),
            Place::Kernel => format!("{} through the module", self.engine),
            Place::OwnProcess => self.engine.to_owned(),
        }
    }

    /// The settings that were measured.
    pub fn settings(&self) -> impl Iterator<Item = &Setting<'a>> {
        self.series
            .iter()
            .filter_map(|entry| entry.measured.as_ref().ok())
    }

    /// The fastest setting with such a recall, by its median search; or why there is none.
    pub fn best(&self, floor: f64) -> Result<&Setting<'a>, String> {
        let enough = self
            .settings()
            .filter(|setting| setting.samples.recall_by_row >= floor);
        enough
            .min_by(|a, b| a.median_ns.total_cmp(&b.median_ns))
            .ok_or_else(|| match self.missing() {
                Some(reason) => format!("not measured: {reason}"),
                None => format!("no setting reached recall {floor}"),
            })
    }

    /// Why nothing at all was measured, if so.
    pub fn missing(&self) -> Option<&str> {
        let mut reasons = self
            .series
            .iter()
            .map(|entry| entry.measured.as_ref().err());
        let first = reasons.next()??;
        reasons.all(|reason| reason.is_some()).then_some(first)
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

impl<'a> Setting<'a> {
    fn of(series: &'a Series) -> Result<Setting<'a>, String> {
        let samples = series.measured.samples()?;
        let sorted = stats::sorted(samples.samples_ns.iter().flatten().map(|&ns| ns as f64));
        let runs = samples.samples_ns.iter().filter(|run| !run.is_empty());
        // Of each run: its searches by the sum of their times.
        let rates: Vec<f64> = runs
            .map(|run| run.len() as f64 * 1e9 / run.iter().sum::<u64>() as f64)
            .collect();
        if rates.is_empty() {
            return Err("nothing was timed".into());
        }
        Ok(Setting {
            series,
            samples,
            median_ns: stats::median(sorted.iter().copied()),
            sorted,
            rate: Rate {
                value: stats::median(rates.iter().copied()),
                interval: stats::interval_of_median(&rates),
            },
        })
    }

    /// `hnsw, efSearch 64`.
    pub fn name(&self) -> String {
        match self.series.effort_name.as_str() {
            "" => self.series.kind.to_string(),
            name => format!("{}, {name} {}", self.series.kind, self.series.effort),
        }
    }

    /// Its median search, with what it was measured under.
    pub fn figure(&self, field: &Field) -> Figure {
        field.comparison.median(field.compared, self.series)
    }
}
