// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engines: which, in what version and with what parameters; how fast rows go in; the best of each.

use maud::{Markup, html};

use super::super::contestants::{Field, Setting};
use super::super::shown::Shown;
use super::super::table::{Cell, Table};
use super::super::{numbers, words};
use super::{Section, missing};
use crate::figures::{Ratio, Rule, Spread};
use crate::peers::{BuildRecord, Comparison, Engine, OURS};

pub fn section(shown: &Shown) -> Section {
    Section {
        id: "peers",
        title: "Engines side by side",
        content: html! {
            h3 { "On the host" }
            (part(&shown.fields))
            h3 { "In the guest" }
            (part(&shown.guest_fields))
        },
    }
}

/// The part of the section about one machine.
fn part(fields: &Result<Vec<Field>, String>) -> Markup {
    match fields {
        Ok(fields) => html! {
            @if let Some(field) = fields.first() { (engines(&field.comparison)) }
            @for field in fields {
                h4 { (field.name()) }
                (best(field).render())
                details {
                    summary { "Insertion of every kind of every engine" }
                    (builds(field).render())
                }
            }
        },
        Err(reason) => missing("No engines were compared", reason),
    }
}

/// The best of each engine, a table for each workload, on the host and in the guest; or why there is none.
pub fn tables(shown: &Shown) -> Result<Vec<Table>, String> {
    let of = |place: &str, fields: &[Field]| -> Vec<Table> {
        let table = |field: &Field| {
            let mut table = best(field);
            table.caption = format!("{}, {place}: {}", field.name(), table.caption);
            table
        };
        fields.iter().map(table).collect()
    };
    match (&shown.fields, &shown.guest_fields) {
        (Err(reason), Err(_)) => Err(reason.clone()),
        (host, guest) => {
            let mut tables = of("on the host", host.as_deref().unwrap_or_default());
            tables.extend(of("in the guest", guest.as_deref().unwrap_or_default()));
            Ok(tables)
        }
    }
}

fn engines(comparison: &Comparison) -> Markup {
    let mut table = Table::new(
        "Engines",
        &["engine", "versions", "as pinned", "network", "parameters"],
    );
    for engine in &comparison.engines {
        let name = Cell::text(&engine.name);
        if let Some(reason) = &engine.unavailable {
            table.row([name, Cell::Missing(format!("not measured: {reason}"))]);
            continue;
        }
        let versions = engine
            .versions
            .iter()
            .map(|(name, version)| format!("{name} {version}"));
        let parameters =
            engine
                .parameters
                .iter()
                .map(|(kind, value)| match plain(value).as_str() {
                    "" => format!("{kind}: none"),
                    parameters => format!("{kind}: {parameters}"),
                });
        table.row([
            name,
            Cell::text(versions.collect::<Vec<_>>().join(", ")),
            pinned(engine),
            Cell::text(match engine.interfaces.as_slice() {
                [] if engine.name == OURS => String::new(),
                [] => "none".into(),
                interfaces => interfaces.join(", "),
            }),
            Cell::Prose(parameters.collect::<Vec<_>>().join("; ")),
        ]);
    }
    let host = &comparison.host;
    html! {
        p {
            "On " (host.cpu_model) ", " (host.cpus) " processors online, everything on processor " (host.core) ", Linux " (host.kernel_release)
            ", load average at the beginning " (format!("{:.2} {:.2} {:.2}", host.load_average[0], host.load_average[1], host.load_average[2])) "."
        }
        (table.render())
    }
}

fn pinned(engine: &Engine) -> Cell {
    match engine.not_as_pinned() {
        Some(difference) => Cell::Missing(format!("no: {difference}")),
        None if engine.name == OURS => Cell::text("built here"),
        None => Cell::text("yes"),
    }
}

/// JSON without its quotes and braces.
fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| match value {
                serde_json::Value::Object(_) => format!("{name} ({})", plain(value)),
                value => format!("{name} = {}", plain(value)),
            });
            fields.collect::<Vec<_>>().join(", ")
        }
        serde_json::Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn best(field: &Field) -> Table {
    let versus = field.base.as_ref().map_or("vexfs", |(name, _)| name);
    let mut table = Table::new(
        format!(
            "The fastest setting of each engine with recall@{} of at least {}",
            field.compared.k, field.floor
        ),
        &[
            "engine",
            "best setting",
            "#recall",
            "#median, µs",
            "#95 % interval",
            "#queries/s",
            "#rows/s inserted",
            &format!("#time, x {versus}"),
            "#95 % interval",
            "what it says",
        ],
    );
    for contestant in &field.contestants {
        let cells = match contestant.best() {
            Ok(setting) => row(field, setting),
            Err(reason) => vec![Cell::Missing(reason)],
        };
        table.row(
            [Cell::text(contestant.standing.name())]
                .into_iter()
                .chain(cells),
        );
    }
    for engine in &field.comparison.engines {
        let shown = field
            .contestants
            .iter()
            .any(|one| one.standing.engine == engine.name);
        if let (false, Some(reason)) = (shown, &engine.unavailable) {
            table.row([
                Cell::text(&engine.name),
                Cell::Missing(format!("not measured: {reason}")),
            ]);
        }
    }
    table
}

fn row(field: &Field, setting: &Setting) -> Vec<Cell> {
    let figure = &setting.median;
    let us = |ns: f64| numbers::significant(ns / 1e3);
    let compared = match &field.base {
        None => vec![Cell::Missing("vexfs reached no such recall".into())],
        Some((_, base)) if base == figure => ["1", "", "the base"].map(Cell::text).to_vec(),
        Some((_, base)) => match Ratio::new(
            figure,
            base,
            Rule::Engines {
                recall: field.floor,
            },
        ) {
            Ok(ratio) => vec![
                Cell::text(words::multiple(&ratio)),
                spread(&ratio.spread, |ratio| format!("{ratio:.2}")),
                Cell::text(words::of_times(&ratio)),
            ],
            Err(refusal) => vec![Cell::Missing(refusal.to_string())],
        },
    };
    [
        Cell::text(setting.series.setting()),
        Cell::text(format!("{:.4}", setting.samples.recall_by_row)),
        Cell::text(us(setting.median_ns)),
        spread(&figure.spread, us),
        Cell::text(numbers::decimals(setting.rate.value, 0)),
        inserted(field, setting),
    ]
    .into_iter()
    .chain(compared)
    .collect()
}

/// The rows in a second, with the index that this setting searches.
fn inserted(field: &Field, setting: &Setting) -> Cell {
    let of = |build: &&BuildRecord| {
        build.engine == setting.series.engine && build.kind == setting.series.kind
    };
    match field.compared.builds.iter().find(of) {
        Some(build) => Cell::or_reason(seconds(build).map(|seconds| rate(build, seconds))),
        None => Cell::Missing("not recorded".into()),
    }
}

fn seconds(build: &BuildRecord) -> Result<f64, String> {
    let measured = &build.insert_ns;
    let reason = || {
        measured
            .reason
            .clone()
            .unwrap_or_else(|| "no reason was recorded".into())
    };
    measured.value.map(|ns| ns as f64 / 1e9).ok_or_else(reason)
}

fn rate(build: &BuildRecord, seconds: f64) -> String {
    numbers::decimals(build.rows as f64 / seconds, 0)
}

pub fn spread(spread: &Spread, show: impl Fn(f64) -> String) -> Cell {
    match spread {
        Spread::Exact => Cell::text("exact"),
        Spread::Interval { low, high } => Cell::text(numbers::interval((*low, *high), show)),
        Spread::Unknown { reason } => Cell::Missing(format!("none: {reason}")),
    }
}

fn builds(field: &Field) -> Table {
    let mut table = Table::new(
        "From the first row handed over until a search finds all, indexed, on one thread",
        &["engine", "kind", "#rows", "#seconds", "#rows/s"],
    );
    let position = |build: &&BuildRecord| {
        let mut engines = field.comparison.engines.iter();
        engines.position(|engine| engine.name == build.engine)
    };
    let mut builds: Vec<&BuildRecord> = field.compared.builds.iter().collect();
    builds.sort_by_key(|build| (position(build), build.kind));
    for build in builds {
        let names = [
            Cell::text(&build.engine),
            Cell::text(build.kind.to_string()),
            Cell::text(numbers::grouped(build.rows as u64)),
        ];
        let cells = match seconds(build) {
            Ok(seconds) => vec![
                Cell::text(numbers::significant(seconds)),
                Cell::text(rate(build, seconds)),
            ],
            Err(reason) => vec![Cell::Missing(reason)],
        };
        table.row(names.into_iter().chain(cells));
    }
    table
}
