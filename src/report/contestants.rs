// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who takes part in a comparison: a kind of an engine in a place, over its efforts; and how each is drawn.

use super::charts::{Shape, Stroke};
use crate::bench::{launches, stats};
use crate::client::{Kind, Place};
use crate::figures::{Figure, Located, Standing};
use crate::peers::{Compared, Comparison, OURS, Samples, Series};

/// One workload with all who took part in it.
pub struct Field<'a> {
    pub comparison: Located<'a>,
    pub compared: &'a Compared,
    /// The recall that a setting must reach to be called its contestant's best.
    pub floor: f64,
    /// What the others are compared with, by name; none where ours found enough nowhere.
    pub base: Option<(String, Figure)>,
    /// All who took part, ours first.
    pub contestants: Vec<Contestant<'a>>,
}

/// An engine in a place: what a colour and a dash stand for.
pub struct Contestant<'a> {
    pub standing: Standing<'a>,
    pub stroke: Stroke,
    /// The series, ordered by kind and effort.
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
    /// The figure of the median search, with what it was measured under.
    pub median: Figure,
    /// The time of the median search.
    pub median_ns: f64,
    pub rate: Rate,
}

/// Searches in a second.
pub struct Rate {
    pub value: f64,
    /// The interval of 95 % confidence, or why there is none.
    pub interval: Result<(f64, f64), &'static str>,
}

impl<'a> Field<'a> {
    pub fn new(comparison: Located<'a>, compared: &'a Compared, floor: f64) -> Field<'a> {
        let standings = comparison.standings(compared, floor);
        let base = standings.base();
        let base = base.map(|(standing, fastest)| (standing.name(), fastest.median.clone()));
        let contestants = standings.all.into_iter();
        let contestants =
            contestants.map(|standing| Contestant::of(&comparison, compared, standing));
        Field {
            contestants: contestants.collect(),
            comparison,
            compared,
            floor,
            base,
        }
    }

    pub fn name(&self) -> String {
        super::words::workload(&self.compared.workload)
    }
}

fn stroke(comparison: &Comparison, standing: &Standing) -> Stroke {
    const PEERS: [u8; 5] = [3, 4, 5, 7, 6];
    let mut peers = comparison
        .engines
        .iter()
        .filter(|engine| engine.name != OURS);
    let position = peers.position(|engine| engine.name == standing.engine);
    Stroke(match (standing.place, position) {
        (Some(Place::Fuse), _) => 1,
        (Some(Place::Kernel), _) => 2,
        (_, None) => 0,
        (_, Some(position)) => PEERS[position % PEERS.len()],
    })
}

impl<'a> Contestant<'a> {
    fn of(comparison: &Located, compared: &'a Compared, standing: Standing<'a>) -> Self {
        let mut series: Vec<&Series> = compared.of(standing.engine, standing.place).collect();
        series.sort_by_key(|series| (series.kind, series.effort));
        let entry = |series| Entry {
            series,
            measured: Setting::of(comparison, compared, series),
        };
        Contestant {
            stroke: stroke(comparison, &standing),
            series: series.into_iter().map(entry).collect(),
            standing,
        }
    }

    /// The settings that were measured.
    pub fn settings(&self) -> impl Iterator<Item = &Setting<'a>> {
        self.series
            .iter()
            .filter_map(|entry| entry.measured.as_ref().ok())
    }

    /// The fastest setting that finds enough; or why there is none.
    pub fn best(&self) -> Result<&Setting<'a>, String> {
        if let Some(reason) = self.missing() {
            return Err(format!("not measured: {reason}"));
        }
        let fastest = self.standing.fastest.as_ref().map_err(Clone::clone)?;
        let mut settings = self.settings();
        let same = settings.find(|setting| std::ptr::eq(setting.series, fastest.series));
        same.ok_or_else(|| "nothing was timed".into())
    }

    /// Why nothing at all was measured, if that is so.
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
    fn of(
        comparison: &Located,
        compared: &Compared,
        series: &'a Series,
    ) -> Result<Setting<'a>, String> {
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
        let median = comparison.median(compared, series);
        Ok(Setting {
            series,
            samples,
            median_ns: median.value.value.ok_or("nothing was timed")?,
            median,
            sorted,
            rate: Rate::of(&rates, compared.launches as usize),
        })
    }
}

impl Rate {
    fn of(runs: &[f64], launches: usize) -> Rate {
        let value = stats::median(runs.iter().copied());
        let interval = match launches {
            1 => stats::interval_of_median(runs),
            several => launches::interval(value, runs, several),
        };
        Rate { value, interval }
    }
}
