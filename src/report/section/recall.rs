// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recall against queries per second: what each engine finds, and how fast, over its sweep of efforts.

use maud::{Markup, html};

use super::super::charts::axis::Axis;
use super::super::charts::legend::{Entry, Sign, legend};
use super::super::charts::line::{self, Line, Point};
use super::super::charts::{About, NARROW, WIDE};
use super::super::contestants::{Contestant, Field, Setting, shape};
use super::super::numbers;
use super::super::shown::Shown;
use super::super::table::{Cell, Table};
use super::{Section, figure_of_width, missing};
use crate::bench::stats;
use crate::client::Kind;
use crate::client::Place;

pub fn section(shown: &Shown) -> Section {
    Section {
        id: "recall",
        title: "Recall against queries per second",
        content: html! {
            (part("recall", "on the host", &shown.fields))
            (part("recall-guest", "in the guest", &shown.guest_fields))
        },
    }
}

/// The part of the section about one machine.
fn part(id: &str, place: &str, fields: &Result<Vec<Field>, String>) -> Markup {
    html! {
        h3 { "Engines, " (place) }
        @match fields {
            Ok(fields) => {
                p {
                    "One query a call on one core; every run visits every setting once, in an order shuffled by a seed that "
                    "is recorded. A rate is that of the median run, with its 95 % interval over launches; recall is of the ids "
                    "returned in the searches that were timed. Further up and to the right is better."
                }
                @for (n, field) in fields.iter().enumerate() { (workload(&format!("{id}-{n}"), field)) }
            }
            Err(reason) => (missing("No engines were compared", reason)),
        }
    }
}

fn workload(id: &str, field: &Field) -> Markup {
    let compared = field.compared;
    let all: Vec<&Setting> = field
        .contestants
        .iter()
        .flat_map(Contestant::settings)
        .collect();
    let missing_ones = field
        .contestants
        .iter()
        .filter_map(|one| Some((one.standing.name(), one.missing()?)));
    let reasons: String = missing_ones
        .map(|(name, reason)| format!(" {name}: {reason}."))
        .collect();
    if all.is_empty() {
        return missing(&format!("{}: nothing was measured", field.name()), &reasons);
    }
    let recalls = all.iter().map(|setting| setting.samples.recall_by_row);
    // With room for the intervals.
    let rates = all.iter().flat_map(|setting| {
        let (low, high) = setting
            .rate
            .interval
            .unwrap_or((setting.rate.value, setting.rate.value));
        [low, setting.rate.value, high]
    });
    let x = Axis::towards_one(format!("recall@{}", compared.k), recalls);
    let y = Axis::log("queries per second", rates);
    let mut lines = Vec::new();
    for contestant in &field.contestants {
        for kind in Kind::ALL {
            let of_kind = contestant
                .settings()
                .filter(|setting| setting.series.kind == kind);
            lines.push(Line {
                stroke: contestant.stroke,
                shape: Some(shape(kind)),
                points: of_kind.map(|setting| point(contestant, setting)).collect(),
            });
        }
    }
    let about = About {
        id: id.into(),
        title: format!(
            "{}: recall@{} against queries per second",
            field.name(),
            compared.k
        ),
        description: format!(
            "A curve for each kind of each of {} contestants over its efforts. All points stand in the table below.",
            field.contestants.len()
        ),
    };
    let drawing = html! {
        (line::chart(WIDE, &about, &x, &y, &lines))
        (line::chart(NARROW, &about, &x, &y, &lines))
    };
    let drawn = field
        .contestants
        .iter()
        .filter(|one| one.missing().is_none());
    let engines = drawn.map(|contestant| Entry {
        name: contestant.standing.name(),
        sign: Sign::Line(contestant.stroke),
    });
    let kinds = Kind::ALL
        .into_iter()
        .filter(|kind| all.iter().any(|setting| setting.series.kind == *kind));
    let marks = kinds.map(|kind| Entry {
        name: kind.to_string(),
        sign: Sign::Mark(shape(kind)),
    });
    let entries: Vec<Entry> = engines.chain(marks).collect();
    let note = format!(
        "A line is an engine in a place, a mark a kind of index. Bars where an interval is larger than its mark. All answers are equal in each run, those \
         through FUSE also to those in process, to the bit, unless the table says otherwise.{reasons}"
    );
    figure_of_width(
        "whole",
        &format!("{}, {}, k = {}", field.name(), compared.metric, compared.k),
        drawing,
        Some(legend(&entries)),
        &note,
        &table(field),
    )
}

fn point(contestant: &Contestant, setting: &Setting) -> Point {
    Point {
        x: setting.samples.recall_by_row,
        y: setting.rate.value,
        interval: setting.rate.interval.ok(),
        says: format!(
            "{}, {}: recall {:.4}, {} queries per second",
            contestant.standing.name(),
            setting.series.setting(),
            setting.samples.recall_by_row,
            numbers::decimals(setting.rate.value, 0)
        ),
    }
}

fn table(field: &Field) -> Table {
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
    for contestant in &field.contestants {
        for entry in &contestant.series {
            let effort = match entry.series.effort_name.as_str() {
                "" => "none".to_owned(),
                // Both on one line.
                name => format!("{name}\u{a0}{}", entry.series.effort),
            };
            let names = [
                contestant.standing.name(),
                entry.series.kind.to_string(),
                effort,
            ]
            .map(Cell::Text);
            let cells = match &entry.measured {
                Ok(setting) => figures(setting),
                Err(reason) => vec![Cell::Missing(reason.clone())],
            };
            table.row(names.into_iter().chain(cells));
        }
    }
    table
}

fn figures(setting: &Setting) -> Vec<Cell> {
    let samples = setting.samples;
    let us = |ns: f64| Cell::text(numbers::significant(ns / 1e3));
    let whole = |rate| numbers::decimals(rate, 0);
    vec![
        Cell::text(format!("{:.4}", samples.recall_by_row)),
        Cell::text(format!("{:.4}", samples.recall_by_distance)),
        Cell::text(whole(setting.rate.value)),
        Cell::or_reason(
            setting
                .rate
                .interval
                .map(|interval| numbers::interval(interval, whole)),
        ),
        us(setting.median_ns),
        us(stats::percentile(&setting.sorted, 99.0)),
        Cell::text(numbers::grouped(stats::outliers(
            setting.sorted.iter().copied(),
        ))),
        match (&samples.divergence, setting.series.place) {
            (Some(divergence), _) => Cell::Missing(format!("diverged: {divergence}")),
            (None, Some(Place::Fuse | Place::Kernel)) => Cell::text("as in process"),
            (None, _) => Cell::text("the same each run"),
        },
    ]
}
