// SPDX-License-Identifier: MIT OR Apache-2.0
//! The index files: what building one takes, how large it is, and that it is the same one everywhere.

use maud::html;

use super::super::shown::Shown;
use super::super::table::{Cell, Table};
use super::super::{numbers, words};
use super::{Section, missing};
use crate::client::Place;
use crate::figures::Clock;
use crate::protocol::results::Built;
use crate::verdict::searched::{Searched, searched};

pub fn section(shown: &Shown) -> Section {
    Section {
        id: "indexes",
        title: "Indexes",
        content: match searched(shown.evidence) {
            Ok(all) => html! {
                p {
                    "Each is built in the guest on one thread, and from the same rows on the host; \"the same\" means byte for byte, below every mount "
                    "that it was written through."
                }
                (table(shown, &all).render())
            },
            Err(finding) => missing("No indexes", &finding.measured),
        },
    }
}

fn table(shown: &Shown, all: &[Searched]) -> Table {
    let accelerator = shown
        .evidence
        .machine()
        .ok()
        .and_then(|machine| machine.accelerator);
    let clock = Clock::of(accelerator);
    let unit = clock.unit();
    let mut table = Table::new(
        "Index files",
        &[
            "workload",
            "kind",
            &format!("#built in the guest, {unit}"),
            &format!("#written through the module, {unit}"),
            "#on the host, s",
            "#size",
            "#bytes a row",
            "#recall",
            "BLAKE3",
            "the same on the host, below FUSE and below the module",
        ],
    );
    for one in all {
        let Some(built) = &one.runs.built else {
            continue;
        };
        let show = |counted: u64| Cell::text(numbers::grouped(counted));
        let file = |place| {
            let run = one.place(place).map_err(|finding| finding.measured)?;
            run.file
                .as_ref()
                .ok_or_else(|| "no file was written".to_owned())
        };
        let on_host = one
            .on_host(shown.evidence)
            .map_err(|finding| finding.measured);
        let seconds = |ns: u64| numbers::significant(ns as f64 / 1e9);
        table.row([
            Cell::text(&one.case.name),
            Cell::text(one.kind.kind.to_string()),
            show(built.build_ns),
            match file(Place::Kernel) {
                Ok(file) => show(file.write_ns),
                Err(reason) => Cell::Missing(reason),
            },
            Cell::or_reason(on_host.clone().map(|(host, built)| {
                format!("{} ({} threads)", seconds(built.build_ns), host.threads)
            })),
            Cell::text(numbers::bytes(built.bytes)),
            Cell::text(numbers::decimals(
                built.bytes as f64 / one.case.workload.rows() as f64,
                1,
            )),
            match one.place(Place::InProcess) {
                Ok(run) => Cell::text(format!("{:.4}", run.recall)),
                Err(finding) => Cell::Missing(finding.measured),
            },
            Cell::code(words::shortened(&built.blake3)),
            same(one, &built.blake3, on_host.map(|(_, built)| built)),
        ]);
    }
    table
}

/// Where else the index is the same, or what keeps it from being that.
fn same(one: &Searched, blake3: &str, on_host: Result<&Built, String>) -> Cell {
    let host = match on_host {
        Ok(built) if built.blake3 == blake3 => None,
        Ok(_) => Some("another one on the host".to_owned()),
        Err(reason) => Some(reason),
    };
    let below = [Place::Fuse, Place::Kernel].into_iter().map(|place| {
        let name = words::place(place);
        match one.place(place).map(|run| &run.file) {
            Ok(Some(file)) if file.lower_blake3 == blake3 => None,
            Ok(Some(_)) => Some(format!("another one below {name}")),
            Ok(None) => Some(format!("no file was written through {name}")),
            Err(finding) => Some(finding.measured),
        }
    });
    let faults: Vec<String> = [host].into_iter().chain(below).flatten().collect();
    if faults.is_empty() {
        Cell::text("yes, yes, yes")
    } else {
        Cell::Missing(faults.join("; "))
    }
}
