// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells how the engines of a comparison stand: each with its fastest setting that finds enough, and that beside ours.

use super::{Figure, Located, Ratio, Refusal, Rule};
use crate::client::Place;
use crate::peers::{Compared, OURS, Series};

/// The fastest of several settings by its median search, among those that find enough.
pub struct Fastest<'a> {
    pub series: &'a Series,
    pub median: Figure,
    /// The time of the median search.
    pub ns: f64,
}

/// An engine in a place, with its fastest setting; or why it has none.
pub struct Standing<'a> {
    pub engine: &'a str,
    /// The place of the searches; none for a peer, which searches in its own process.
    pub place: Option<Place>,
    pub fastest: Result<Fastest<'a>, String>,
}

/// All who took part in one workload.
pub struct Standings<'a> {
    /// The recall that a setting must reach.
    floor: f64,
    /// All standings in the order of the engines, ours first in each of its places.
    pub all: Vec<Standing<'a>>,
}

impl<'a> Located<'a> {
    /// Finds the fastest of these series that finds enough, or says why there is none.
    pub fn fastest<'s>(
        &self,
        compared: &Compared,
        all: impl Iterator<Item = &'s Series>,
        floor: f64,
    ) -> Result<Fastest<'s>, String> {
        let (mut best, mut most, mut failed): (Option<Fastest>, f64, Option<String>) =
            (None, 0.0, None);
        for series in all {
            let median = self.median(compared, series);
            match (median.conditions.recall, median.value.value) {
                (Some(recall), _) if recall < floor => most = most.max(recall),
                (Some(_), Some(ns)) => {
                    if best.as_ref().is_none_or(|best| ns < best.ns) {
                        best = Some(Fastest { series, median, ns });
                    }
                }
                _ => failed = median.value.reason,
            }
        }
        best.ok_or_else(|| {
            failed.unwrap_or_else(|| format!("no recall above {most:.3}, {floor} is asked for"))
        })
    }

    pub fn standings(&self, compared: &'a Compared, floor: f64) -> Standings<'a> {
        let mut who: Vec<(&str, Option<Place>)> = Vec::new();
        for series in &compared.series {
            let one = (series.engine.as_str(), series.place);
            if !who.contains(&one) {
                who.push(one);
            }
        }
        let position = |name: &str| self.engines.iter().position(|engine| engine.name == name);
        who.sort_by_key(|&(engine, place)| (position(engine), place));
        let all = who.into_iter().map(|(engine, place)| Standing {
            engine,
            place,
            fastest: self.fastest(compared, compared.of(engine, place), floor),
        });
        Standings {
            floor,
            all: all.collect(),
        }
    }
}

impl<'a> Standings<'a> {
    pub fn of(&self, engine: &str, place: Option<Place>) -> Option<&Standing<'a>> {
        let mut all = self.all.iter();
        all.find(|one| (one.engine, one.place) == (engine, place))
    }

    /// What the others are compared with: ours through the module if that was measured, or else through FUSE, or in
    /// process.
    pub fn base(&self) -> Option<(&Standing<'a>, &Fastest<'a>)> {
        let places = [Place::Kernel, Place::Fuse, Place::InProcess];
        places.into_iter().find_map(|place| {
            let standing = self.of(OURS, Some(place))?;
            Some((standing, standing.fastest.as_ref().ok()?))
        })
    }

    /// The standings of all engines except ours.
    pub fn peers(&self) -> impl Iterator<Item = &Standing<'a>> {
        self.all.iter().filter(|one| one.engine != OURS)
    }

    /// A median search in multiples of the base's.
    pub fn over(&self, fastest: &Fastest, base: &Fastest) -> Result<Ratio, Refusal> {
        Ratio::new(&fastest.median, &base.median, self.rule())
    }

    pub fn rule(&self) -> Rule {
        Rule::Engines { recall: self.floor }
    }
}

impl Standing<'_> {
    pub fn name(&self) -> String {
        match self.place {
            Some(Place::InProcess) => format!("{} in process", self.engine),
            Some(Place::Fuse) => format!("{} through FUSE", self.engine),
            Some(Place::Kernel) => format!("{} through the module", self.engine),
            None => self.engine.to_owned(),
        }
    }
}
