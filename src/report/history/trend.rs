// SPDX-License-Identifier: MIT OR Apache-2.0
//! One figure over many runs. Only what is like for like is in one trend.

use std::collections::HashMap;

use super::run::Run;
use crate::figures::{Figure, Ratio, Refusal, Rule};

pub struct Trend<'a> {
    /// The figure's name, which other machines' figures may have too.
    pub name: String,
    /// Where the figure was measured, whatever the bundle.
    pub machine: String,
    /// The position of each run that has the figure, in order.
    pub points: Vec<(usize, &'a Figure)>,
}

impl<'a> Trend<'a> {
    /// The trends of all figures, in the order of their first runs.
    pub fn of(runs: &'a [Run]) -> Vec<Trend<'a>> {
        let mut trends: Vec<Trend<'a>> = Vec::new();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, run) in runs.iter().enumerate() {
            for figure in &run.told.figures {
                let name = figure.to_string();
                let known = by_name.entry(name.clone()).or_default();
                match known.iter().find(|&&at| trends[at].takes(position, figure)) {
                    Some(&at) => trends[at].points.push((position, figure)),
                    None => {
                        known.push(trends.len());
                        trends.push(Trend {
                            name,
                            machine: figure.conditions.machine.without_bundle().to_string(),
                            points: vec![(position, figure)],
                        });
                    }
                }
            }
        }
        trends
    }

    /// Whether a figure goes on with this trend: it is like for like, and of another run.
    fn takes(&self, position: usize, figure: &Figure) -> bool {
        let (last, first) = (self.points[self.points.len() - 1], self.points[0].1);
        last.0 != position && Rule::Runs.check(figure, first).is_ok()
    }

    /// A figure of the trend, for what all of them share.
    pub fn one(&self) -> &'a Figure {
        self.points[0].1
    }

    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.points
            .iter()
            .filter_map(|(_, figure)| figure.value.value)
    }

    /// The last value in multiples of the one before; none where there are no two.
    pub fn last_change(&self) -> Option<Result<Ratio, Refusal>> {
        let with_value = |(_, figure): &&(usize, &'a Figure)| figure.value.value.is_some();
        let mut backwards = self.points.iter().rev().filter(with_value);
        let (last, before) = (backwards.next()?.1, backwards.next()?.1);
        Some(Ratio::new(last, before, Rule::Runs))
    }
}
