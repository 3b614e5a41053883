// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engines: which, in what version and with what parameters; how fast rows go in; the best of each.

use maud::{Markup, html};

use super::super::contestants::{self, Contestant, FLOOR, Setting};
use super::super::table::{Cell, Table};
use super::super::{Report, numbers, words};
use super::{Section, missing};
use crate::comparison::{BuildRecord, Compared, Comparison, Engine, OURS};
use crate::figures::{Ratio, Rule, Spread};

pub fn section(report: &Report) -> Section {
    Section {
        id: "peers",
        title: "Engines side by side",
        content: match report.comparison {
            Ok(comparison) => html! {
                (engines(comparison))
                @for compared in &comparison.workloads {
                    h3 { (words::workload(&compared.workload)) }
                    (best(comparison, compared).render())
                    (builds(comparison, compared).render())
                }
            },
            Err(reason) => missing("No engines were compared", reason),
        },
    }
}

/// The best of each engine, a table for each workload; or why there is none.
pub fn tables(report: &Report) -> Result<Vec<Table>, String> {
    let comparison = report.comparison?;
    let of = |compared| {
        let mut table = best(comparison, compared);
        table.caption = format!("{}: {}", words::workload(&compared.workload), table.caption);
        table
    };
    Ok(comparison.workloads.iter().map(of).collect())
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
        let parameters = engine
            .parameters
            .iter()
            .map(|(kind, value)| format!("{kind}: {}", plain(value)));
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

/// What the others are set against: the fastest of ours, through FUSE if that was measured.
fn ours<'a>(contestants: &[Contestant], compared: &'a Compared) -> Option<(String, Setting<'a>)> {
    let of = |place| {
        let found = contestants
            .iter()
            .find(|one| one.engine == OURS && one.place == place)?;
        Some((found.name(), found.best(compared).ok()?))
    };
    of(crate::comparison::Place::Fuse).or_else(|| of(crate::comparison::Place::InProcess))
}

fn best(comparison: &Comparison, compared: &Compared) -> Table {
    let contestants = contestants::of(comparison, compared);
    let ours = ours(&contestants, compared);
    let versus = ours
        .as_ref()
        .map_or("vexfs".into(), |(name, _)| name.clone());
    let mut table = Table::new(
        format!(
            "The fastest setting of each engine with recall@{} of at least {FLOOR}",
            compared.k
        ),
        &[
            "engine",
            "best setting",
            "#recall",
            "#median, µs",
            "#95 % interval",
            "#queries/s",
            &format!("#x {versus}"),
            "#95 % interval",
            "what it says",
        ],
    );
    let base = ours.map(|(_, setting)| setting.figure(comparison, compared));
    for contestant in &contestants {
        let name = Cell::text(contestant.name());
        let setting = match contestant.best(compared) {
            Ok(setting) => setting,
            Err(reason) => {
                table.row([name, Cell::Missing(reason)]);
                continue;
            }
        };
        let figure = setting.figure(comparison, compared);
        let us = |ns: f64| numbers::significant(ns / 1e3);
        let value = figure.value.value.map(us).ok_or("nothing was timed");
        let rate = setting.rate().map(|rate| numbers::decimals(rate.value, 0));
        table.row(
            [
                name,
                Cell::text(setting.name()),
                Cell::text(format!("{:.4}", setting.samples.recall_by_row)),
                Cell::or_reason(value),
                spread(&figure.spread, us),
                Cell::or_reason(rate.ok_or("nothing was timed")),
            ]
            .into_iter()
            .chain(match &base {
                None => vec![Cell::Missing("vexfs reached no such recall".into())],
                Some(base) if *base == figure => ["1", "", "the base"].map(Cell::text).to_vec(),
                Some(base) => match Ratio::new(&figure, base, Rule::Engines { recall: FLOOR }) {
                    Ok(ratio) => vec![
                        Cell::text(format!("{:.2}", ratio.value)),
                        spread(&ratio.spread, |ratio| format!("{ratio:.2}")),
                        Cell::text(words::of_times(&ratio)),
                    ],
                    Err(refusal) => vec![Cell::Missing(refusal.to_string())],
                },
            }),
        );
    }
    for engine in comparison.engines.iter() {
        if let Some(reason) = &engine.unavailable {
            table.row([
                Cell::text(&engine.name),
                Cell::Missing(format!("not measured: {reason}")),
            ]);
        }
    }
    table
}

pub fn spread(spread: &Spread, show: impl Fn(f64) -> String) -> Cell {
    match spread {
        Spread::Exact => Cell::text("exact"),
        Spread::Interval { low, high } => Cell::text(numbers::interval((*low, *high), show)),
        Spread::Unknown { reason } => Cell::Missing(format!("none: {reason}")),
    }
}

fn builds(comparison: &Comparison, compared: &Compared) -> Table {
    let mut table = Table::new(
        "Until all rows are found: inserted, and indexed, on one thread",
        &["engine", "kind", "#rows", "#seconds", "#rows/s"],
    );
    let position = |build: &&BuildRecord| {
        comparison
            .engines
            .iter()
            .position(|engine| engine.name == build.engine)
    };
    let mut builds: Vec<&BuildRecord> = compared.builds.iter().collect();
    builds.sort_by_key(|build| (position(build), build.kind));
    for build in builds {
        let names = [
            Cell::text(&build.engine),
            Cell::text(build.kind.to_string()),
            Cell::text(numbers::grouped(build.rows as u64)),
        ];
        let cells = match (build.insert_ns.value, &build.insert_ns.reason) {
            (Some(ns), _) => {
                let seconds = ns as f64 / 1e9;
                vec![
                    Cell::text(numbers::significant(seconds)),
                    Cell::text(numbers::decimals(build.rows as f64 / seconds, 0)),
                ]
            }
            (None, reason) => vec![Cell::Missing(
                reason
                    .clone()
                    .unwrap_or_else(|| "no reason was recorded".into()),
            )],
        };
        table.row(names.into_iter().chain(cells));
    }
    table
}
