// SPDX-License-Identifier: MIT OR Apache-2.0
//! A history for machines: what `history --json` prints.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::found::{Found, Unread};
use super::run::Run;
use super::trend::Trend;
use crate::figures::{Clock, Figure, Spread};
use crate::verdict::{Counts, Word};

#[derive(Serialize)]
pub struct Told<'a> {
    runs: Vec<OfRun<'a>>,
    figures: Vec<OfTrend<'a>>,
    unread: &'a [Unread],
}

#[derive(Serialize)]
struct OfRun<'a> {
    run: &'a str,
    date: Date,
    begun: Option<Timestamp>,
    verdict: Word,
    counts: Counts,
    toolkit: &'a str,
    accelerator: Option<&'a str>,
    cpu: Option<&'a str>,
    kernel_release: Option<&'a str>,
    bundle_blake3: Option<&'a str>,
    module_blake3: Option<&'a str>,
}

#[derive(Serialize)]
struct OfTrend<'a> {
    figure: String,
    machine: String,
    clock: Clock,
    unit: &'static str,
    points: Vec<Point<'a>>,
}

#[derive(Serialize)]
struct Point<'a> {
    run: &'a str,
    value: Option<f64>,
    reason: Option<&'a str>,
    spread: &'a Spread,
}

impl<'a> Told<'a> {
    pub fn of(found: &'a Found, trends: &[Trend<'a>]) -> Told<'a> {
        let runs = &found.runs;
        Told {
            runs: runs.iter().map(OfRun::of).collect(),
            figures: trends
                .iter()
                .map(|trend| OfTrend::of(runs, trend))
                .collect(),
            unread: &found.unread,
        }
    }
}

impl<'a> OfRun<'a> {
    fn of(run: &'a Run) -> OfRun<'a> {
        let verdict = &run.told.verdict;
        let provenance = &verdict.provenance;
        OfRun {
            run: &run.name,
            date: run.told.date,
            begun: run.begun,
            verdict: verdict.verdict,
            counts: verdict.counts,
            toolkit: &run.told.toolkit,
            accelerator: provenance.accelerator.as_deref(),
            cpu: run.told.cpu.as_deref(),
            kernel_release: provenance.kernel_release.as_deref(),
            bundle_blake3: provenance.bundle_blake3.as_deref(),
            module_blake3: provenance.module_blake3.as_deref(),
        }
    }
}

impl<'a> OfTrend<'a> {
    fn of(runs: &'a [Run], trend: &Trend<'a>) -> OfTrend<'a> {
        let point = |&(position, figure): &(usize, &'a Figure)| Point {
            run: &runs[position].name,
            value: figure.value.value,
            reason: figure.value.reason.as_deref(),
            spread: &figure.spread,
        };
        OfTrend {
            figure: trend.name.clone(),
            machine: trend.machine.clone(),
            clock: trend.one().conditions.clock,
            unit: trend.one().unit(),
            points: trend.points.iter().map(point).collect(),
        }
    }
}
