// SPDX-License-Identifier: MIT OR Apache-2.0
//! A history for people: the runs, then a row for each figure, machine by machine.

use maud::{Markup, html};

use super::super::charts::sparkline::sparkline;
use super::super::charts::{About, Stroke};
use super::super::numbers::{Unit, interval};
use super::super::page::Page;
use super::super::section::Section;
use super::super::table::{Cell, Table};
use super::super::words;
use super::found::Found;
use super::run::Run;
use super::trend::Trend;
use crate::figures::{Figure, Quantity, Spread};

pub fn render(found: &Found, trends: &[Trend]) -> String {
    let runs = &found.runs;
    let (drawn, unmeasured): (Vec<&Trend>, Vec<&Trend>) = trends
        .iter()
        .partition(|trend| trend.values().next().is_some());
    let mut sections = vec![
        Section {
            id: "runs",
            title: "Runs",
            content: table_of_runs(runs).render(),
        },
        Section {
            id: "figures",
            title: "Figures",
            content: by_machine(runs, &drawn),
        },
    ];
    if !unmeasured.is_empty() {
        sections.push(Section {
            id: "not-measured",
            title: "Not measured in any run",
            content: table_of_unmeasured(&unmeasured).render(),
        });
    }
    if !found.unread.is_empty() {
        sections.push(Section {
            id: "unread",
            title: "Directories that gave no run",
            content: table_of_unread(found).render(),
        });
    }
    Page {
        title: format!("VexFS: {}", counted(runs.len())),
        heading: "VexFS, run by run",
        styles: include_str!("styles.css"),
        top: html! {
            p class="sentence" { (counted(runs.len())) ", the newest last." }
            p class="note" {
                "The figures are those that the runs wrote down; nothing is judged again. One line holds only what is like "
                "for like: the same search of the same vectors, on one kind of machine and CPU, by one clock."
            }
        },
        sections,
    }
    .render()
}

fn counted(runs: usize) -> String {
    match runs {
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    }
}

fn table_of_runs(runs: &[Run]) -> Table {
    let mut table = Table::new(
        "Every run, in the order of time",
        &[
            "#run", "name", "time", "verdict", "toolkit", "module", "bundle", "kernel", "machine",
            "CPU", "why",
        ],
    );
    let of = |value: &Option<String>| Cell::or_reason(value.clone().ok_or("not known"));
    let hash = |value: &Option<String>| match value {
        Some(hash) => Cell::code(words::shortened(hash)),
        None => Cell::Missing("not known".into()),
    };
    for (number, run) in (1..).zip(runs) {
        let verdict = &run.told.verdict;
        let provenance = &verdict.provenance;
        table.row([
            Cell::text(number.to_string()),
            Cell::code(&run.name),
            Cell::text(run.when()),
            Cell::text(words::verdict(verdict)),
            Cell::text(&run.told.toolkit),
            hash(&provenance.module_blake3),
            hash(&provenance.bundle_blake3),
            of(&provenance.kernel_release),
            of(&provenance.accelerator),
            of(&run.told.cpu),
            Cell::Prose(words::sentence(verdict)),
        ]);
    }
    table
}

/// A table for each machine and clock, in the order in which the trends name them.
fn by_machine(runs: &[Run], trends: &[&Trend]) -> Markup {
    let place = |trend: &Trend| {
        let clock = trend.one().conditions.clock;
        format!("On {}, in {clock}", trend.machine)
    };
    let mut places: Vec<String> = Vec::new();
    for trend in trends {
        let place = place(trend);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    html! {
        @if places.is_empty() { p class="missing" { "No run has a figure with a value." } }
        @for (n, shown) in places.iter().enumerate() {
            h3 { (shown) }
            @let here: Vec<&Trend> = trends.iter().copied().filter(|trend| place(trend) == *shown).collect();
            (table_of_trends(runs, n, shown, &here).render())
        }
    }
}

fn table_of_trends(runs: &[Run], place: usize, caption: &str, trends: &[&Trend]) -> Table {
    let numbered = (1..).zip(runs);
    let heads: Vec<String> = numbered
        .map(|(number, run)| format!("#{number}: {}", words::verdict(&run.told.verdict)))
        .collect();
    let mut columns = vec!["figure", "trend", "unit"];
    columns.extend(heads.iter().map(String::as_str));
    columns.push("last / the one before");
    let mut table = Table::new(caption, &columns);
    for (n, trend) in trends.iter().enumerate() {
        let unit = unit(trend);
        let mut cells = vec![
            Cell::text(&trend.name),
            drawing(&format!("trend-{place}-{n}"), runs, trend, unit),
            Cell::text(unit.name),
        ];
        cells.extend((0..runs.len()).map(|position| value(trend, position, unit)));
        cells.push(match trend.last_change() {
            Some(ratio) => Cell::or_reason(
                ratio
                    .map(|ratio| ratio.to_string())
                    .map_err(|refusal| refusal.to_string()),
            ),
            None => Cell::text("there are no two"),
        });
        table.row(cells);
    }
    table
}

/// The unit for all values of a trend.
fn unit(trend: &Trend) -> Unit {
    let one = trend.one();
    match one.quantity {
        Quantity::Rate => Unit {
            name: one.unit(),
            size: 1.0,
        },
        _ => Unit::of(one.conditions.clock, trend.values().fold(0.0, f64::max)),
    }
}

fn at<'a>(trend: &Trend<'a>, position: usize) -> Option<&'a Figure> {
    let found = trend.points.iter().find(|(run, _)| *run == position);
    found.map(|(_, figure)| *figure)
}

fn value(trend: &Trend, position: usize, unit: Unit) -> Cell {
    let Some(figure) = at(trend, position) else {
        return Cell::text("not in it");
    };
    let missing = || figure.value.reason.clone().unwrap_or_default();
    Cell::or_reason(
        figure
            .value
            .value
            .map(|value| shown(figure, value, unit))
            .ok_or_else(missing),
    )
}

/// A value with its interval, if it has one.
fn shown(figure: &Figure, value: f64, unit: Unit) -> String {
    let value = unit.show(value);
    match figure.spread {
        Spread::Interval { low, high } => {
            format!("{value} ({})", interval((low, high), |end| unit.show(end)))
        }
        Spread::Exact | Spread::Unknown { .. } => value,
    }
}

fn drawing(id: &str, runs: &[Run], trend: &Trend, unit: Unit) -> Cell {
    let values: Vec<Option<(f64, String)>> = (0..runs.len())
        .map(|position| {
            let figure = at(trend, position)?;
            let value = figure.value.value?;
            let shown = shown(figure, value, unit);
            Some((
                value,
                format!("run {}: {shown} {}", position + 1, unit.name),
            ))
        })
        .collect();
    let says = values.iter().flatten().map(|(_, says)| says.as_str());
    let says = says.collect::<Vec<_>>().join("; ");
    let about = About {
        id: id.to_owned(),
        title: trend.name.clone(),
        description: says.clone(),
    };
    Cell::Drawing {
        drawing: sparkline(&about, Stroke(0), &values),
        says,
    }
}

/// Figures that never had a value. Those of one name and one reason share a row.
fn table_of_unmeasured(trends: &[&Trend]) -> Table {
    let mut rows: Vec<(&str, &str, Vec<String>)> = Vec::new();
    let points = trends.iter().flat_map(|trend| {
        let of_trend = trend.points.iter();
        of_trend.map(|&(position, figure)| (trend.name.as_str(), position, figure))
    });
    for (name, position, figure) in points {
        let reason = figure.value.reason.as_deref().unwrap_or_default();
        let number = (position + 1).to_string();
        match rows.iter_mut().find(|row| (row.0, row.1) == (name, reason)) {
            Some((.., numbers)) => numbers.push(number),
            None => rows.push((name, reason, vec![number])),
        }
    }
    let mut table = Table::new("Figures without a value", &["figure", "runs", "why"]);
    for (name, reason, numbers) in rows {
        table.row([
            Cell::text(name),
            Cell::text(numbers.join(", ")),
            Cell::Missing(reason.to_owned()),
        ]);
    }
    table
}

fn table_of_unread(found: &Found) -> Table {
    let mut table = Table::new("What else is in the directory", &["directory", "why"]);
    for unread in &found.unread {
        table.row([
            Cell::code(&unread.directory),
            Cell::Missing(unread.why.clone()),
        ]);
    }
    table
}
