// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recall against queries per second: what each engine finds, and how fast, over its sweep of efforts.

use maud::{Markup, html};

use super::super::charts::axis::Axis;
use super::super::charts::legend::{Entry, Sign, legend};
use super::super::charts::line::{self, Line, Point};
use super::super::charts::{About, NARROW, WIDE};
use super::super::contestants::{self, Contestant, Setting, shape};
use super::super::table::{Cell, Table};
use super::super::{Report, numbers, words};
use super::{Section, figure_of_width, missing};
use crate::bench::stats;
use crate::client::Kind;
use crate::comparison::{Compared, Comparison, Place};

pub fn section(report: &Report) -> Section {
    Section {
        id: "recall",
        title: "Recall against queries per second",
        content: match report.comparison {
            Ok(comparison) => html! {
                p {
                    "On the host, one query a call on one core; every run visits every setting once, in an order shuffled by seed " (comparison.seed)
                    ". A rate is that of the median run, with its 95 % bootstrap interval over runs; recall is of the ids returned in the searches "
                    "that were timed. Further up and to the right is better."
                }
                @for (n, compared) in comparison.workloads.iter().enumerate() { (workload(n, comparison, compared)) }
            },
            Err(reason) => missing("No engines were compared", reason),
        },
    }
}

fn workload(n: usize, comparison: &Comparison, compared: &Compared) -> Markup {
    let contestants = contestants::of(comparison, compared);
    let settings = |one: &Contestant| one.settings(compared, None);
    let all: Vec<Setting> = contestants.iter().flat_map(settings).collect();
    let name = words::workload(&compared.workload);
    if all.is_empty() {
        return missing(
            &format!("{name}: nothing was measured"),
            &first_reason(compared),
        );
    }
    let recalls = all.iter().map(|setting| setting.samples.recall_by_row);
    let rates = all.iter().filter_map(Setting::rate).map(|rate| rate.value);
    let x = Axis::linear(format!("recall@{}", compared.k), recalls.chain([1.0]));
    let y = Axis::log("queries per second", rates);
    let mut lines = Vec::new();
    for contestant in &contestants {
        for kind in Kind::ALL {
            let points: Vec<Point> = contestant
                .settings(compared, Some(kind))
                .iter()
                .filter_map(|setting| point(contestant, setting))
                .collect();
            lines.push(Line {
                stroke: contestant.stroke,
                shape: Some(shape(kind)),
                points,
            });
        }
    }
    let about = About {
        id: format!("recall-{n}"),
        title: format!("{name}: recall@{} against queries per second", compared.k),
        description: format!(
            "A curve for each kind of each of {} contestants over its efforts. All points stand in the table below.",
            contestants.len()
        ),
    };
    let drawing = html! {
        (line::chart(WIDE, &about, &x, &y, &lines))
        (line::chart(NARROW, &about, &x, &y, &lines))
    };
    let kinds = Kind::ALL
        .into_iter()
        .filter(|kind| all.iter().any(|setting| setting.series.kind == *kind));
    let drawn = contestants
        .iter()
        .filter(|contestant| !settings(contestant).is_empty());
    let engines = drawn.map(|contestant| Entry {
        name: contestant.name(),
        sign: Sign::Line(contestant.stroke),
    });
    let marks = kinds.map(|kind| Entry {
        name: kind.to_string(),
        sign: Sign::Mark(shape(kind)),
    });
    let entries: Vec<Entry> = engines.chain(marks).collect();
    let missing = contestants
        .iter()
        .filter(|contestant| settings(contestant).is_empty());
    let missing = missing.map(|contestant| {
        format!(
            " {}: {}.",
            contestant.name(),
            contestant.best(compared).err().unwrap_or_default()
        )
    });
    let note = format!(
        "A line is an engine in a place, a mark a kind of index. Bars where an interval is larger than its mark.{}",
        missing.collect::<String>()
    );
    figure_of_width(
        "whole",
        &format!("{name}, {}, k = {}", compared.metric, compared.k),
        drawing,
        Some(legend(&entries)),
        &note,
        &table(&contestants, compared),
    )
}

fn first_reason(compared: &Compared) -> String {
    let reasons = compared
        .series
        .iter()
        .filter_map(|series| series.measured.reason.clone());
    reasons
        .into_iter()
        .next()
        .unwrap_or_else(|| "no setting was planned".into())
}

fn point(contestant: &Contestant, setting: &Setting) -> Option<Point> {
    let rate = setting.rate()?;
    Some(Point {
        x: setting.samples.recall_by_row,
        y: rate.value,
        interval: rate.interval.ok(),
        says: format!(
            "{}, {}: recall {:.4}, {} queries per second",
            contestant.name(),
            setting.name(),
            setting.samples.recall_by_row,
            numbers::decimals(rate.value, 0)
        ),
    })
}

fn table(contestants: &[Contestant], compared: &Compared) -> Table {
    let mut table = Table::new(
        "Every setting of every engine",
        &[
            "engine",
            "kind",
            "effort",
            "#recall by row",
            "#by distance",
            "#queries/s",
            "#95 % interval",
            "#median, µs",
            "#p99, µs",
            "#outliers",
            "answers",
        ],
    );
    for contestant in contestants {
        for series in compared.of(&contestant.engine, contestant.place) {
            let effort = match series.effort_name.as_str() {
                "" => "none".to_owned(),
                name => format!("{name} {}", series.effort),
            };
            let names = [contestant.name(), series.kind.to_string(), effort].map(Cell::Text);
            let measured = series
                .measured
                .value
                .as_ref()
                .map(|samples| Setting { series, samples });
            let cells = match measured {
                Some(setting) => figures(&setting),
                None => vec![Cell::Missing(
                    series
                        .measured
                        .reason
                        .clone()
                        .unwrap_or_else(|| "no reason was recorded".into()),
                )],
            };
            table.row(names.into_iter().chain(cells));
        }
    }
    table
}

fn figures(setting: &Setting) -> Vec<Cell> {
    let samples = setting.samples;
    let sorted = setting.sorted();
    let Some(rate) = setting.rate() else {
        return vec![Cell::Missing("nothing was timed".into())];
    };
    let us = |ns: f64| Cell::text(numbers::significant(ns / 1e3));
    vec![
        Cell::text(format!("{:.4}", samples.recall_by_row)),
        Cell::text(format!("{:.4}", samples.recall_by_distance)),
        Cell::text(numbers::decimals(rate.value, 0)),
        Cell::or_reason(
            rate.interval
                .map(|interval| numbers::interval(interval, |rate| numbers::decimals(rate, 0))),
        ),
        us(stats::median(sorted.iter().copied())),
        us(stats::percentile(&sorted, 99.0)),
        Cell::text(numbers::grouped(stats::outliers(sorted.iter().copied()))),
        match (&samples.divergence, setting.series.place) {
            (Some(divergence), _) => Cell::Missing(format!("diverged: {divergence}")),
            (None, Place::Fuse) => Cell::text("as in process, to the bit"),
            (None, _) => Cell::text("the same in each run"),
        },
    ]
}
