// SPDX-License-Identifier: MIT OR Apache-2.0
//! The searches of the guest in process, through FUSE and through the module.

use super::table::table;
use crate::client::Place;
use crate::figures::{Clock, Figure, Ratio, Spread};
use crate::verdict::evidence::Evidence;
use crate::verdict::figures::{self, Timed};
use crate::verdict::searched::searched;

/// The searches of the workload in each place; none where the guest did not get that far.
pub fn measurements(evidence: &Evidence) -> Option<String> {
    let median_header = format!("median search, {}", unit(evidence)?);
    let mut rows = table();
    rows.set_header([
        "place",
        "answers, BLAKE3",
        "recall@k",
        &median_header,
        "p95",
        "p99",
        "x in process",
    ]);
    let base = figures::workload(evidence, Place::InProcess).ok()?;
    for place in Place::ALL {
        let (Ok(run), Ok(timed)) = (evidence.place(place), figures::workload(evidence, place))
        else {
            continue;
        };
        let mut row = vec![
            place.to_string(),
            run.result_hashes
                .first()
                .map(|hash| format!("{hash:.16}…"))
                .unwrap_or_default(),
            format!("{:.4}", run.recall),
        ];
        row.extend(columns(&timed, &base));
        rows.add_row(row);
    }
    Some(rows.to_string())
}

fn unit(evidence: &Evidence) -> Option<&'static str> {
    Some(Clock::of(evidence.machine().ok()?.accelerator).unit())
}

/// The median, p95, p99, and the median in multiples of that in process.
fn columns(timed: &Timed, base: &Timed) -> [String; 4] {
    let shown = |figure: &Figure| {
        let value = figure.value.value;
        value.map_or("not measured".into(), |value| value.to_string())
    };
    [
        shown(&timed.median),
        shown(&timed.p95),
        shown(&timed.p99),
        match timed.over(base) {
            Ok(ratio) => multiple(&ratio),
            Err(refusal) => refusal.to_string(),
        },
    ]
}

fn multiple(ratio: &Ratio) -> String {
    match ratio.spread {
        Spread::Interval { low, high } => format!("{:.3} ({low:.3} to {high:.3})", ratio.value),
        Spread::Exact | Spread::Unknown { .. } => format!("{:.4}", ratio.value),
    }
}

/// Each kind of index in each place.
pub fn indexes(evidence: &Evidence) -> Option<String> {
    let median_header = format!("median search, {}", unit(evidence)?);
    let mut rows = table();
    rows.set_header([
        "workload",
        "kind",
        "place",
        "recall@k",
        &median_header,
        "p95",
        "p99",
        "x in process",
    ]);
    for searched in searched(evidence).ok()? {
        let Ok(base) = figures::index(evidence, &searched, Place::InProcess) else {
            continue;
        };
        for place in Place::ALL {
            let (Ok(run), Ok(timed)) = (
                searched.place(place),
                figures::index(evidence, &searched, place),
            ) else {
                continue;
            };
            let mut row = vec![
                searched.case.name.clone(),
                searched.kind.kind.to_string(),
                place.to_string(),
                format!("{:.4}", run.recall),
            ];
            row.extend(columns(&timed, &base));
            rows.add_row(row);
        }
    }
    Some(rows.to_string())
}

/// What inserting rows and building an index takes, and how large it is.
pub fn builds(evidence: &Evidence) -> Option<String> {
    let unit = unit(evidence)?;
    let (build_header, write_header) = (
        format!("build in the guest, {unit}"),
        format!("written through the module, {unit}"),
    );
    let mut rows = table();
    rows.set_header([
        "workload",
        "kind",
        &build_header,
        "on the host, s",
        &write_header,
        "bytes",
        "a row",
    ]);
    for searched in searched(evidence).ok()? {
        let Some(built) = &searched.runs.built else {
            continue;
        };
        let on_host = searched.on_host(evidence).ok();
        let written = searched.place(Place::Kernel).ok();
        let written = written.and_then(|run| run.file.as_ref());
        rows.add_row(vec![
            searched.case.name.clone(),
            searched.kind.kind.to_string(),
            built.build_ns.to_string(),
            on_host.map_or(String::new(), |(_, on_host)| {
                format!("{:.3}", on_host.build_ns as f64 / 1e9)
            }),
            written.map_or(String::new(), |file| file.write_ns.to_string()),
            built.bytes.to_string(),
            format!(
                "{:.1}",
                built.bytes as f64 / searched.case.workload.rows() as f64
            ),
        ]);
    }
    Some(rows.to_string())
}
