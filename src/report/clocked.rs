// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables of the machine whose clock counts time: what a call costs there, and what a search takes within the module.

use super::table::{Cell, Table};
use crate::client::Place;
use crate::criteria::check::Finding;
use crate::figures::{Figure, Located, Ratio, Rule, Spread};
use crate::peers::{Compared, Series};
use crate::protocol::results::{Call, Calls};
use crate::verdict::calls::cost;
use crate::verdict::evidence::Evidence;
use crate::verdict::figures::{self, Inside, Timed};
use crate::verdict::searched::searched;

const CALLS: [Call; 5] = [
    Call::Clock,
    Call::Null,
    Call::Ioctl,
    Call::IoctlKernel,
    Call::IoctlFuse,
];

/// The tables, or why there are none.
pub fn tables(evidence: &Evidence) -> Result<Vec<Table>, String> {
    let timed = evidence.of_timed().map_err(|finding| finding.measured)?;
    let mut tables = vec![calls(evidence, &timed), searches(&timed)];
    let both = (evidence.comparison(), evidence.comparison_in_guest());
    if let (Ok(host), Ok(guest)) = both {
        tables.push(engines(evidence, &host, &guest));
    }
    Ok(tables)
}

fn clock(timed: &Evidence) -> Result<f64, Finding> {
    cost(timed.guest.calls()?, Call::Clock)
}

/// The name of the machine in a caption.
fn machine(timed: &Evidence) -> String {
    let machine = timed.machine.as_ref();
    let accelerator = machine.and_then(|machine| machine.accelerator);
    accelerator.map_or("in the guest".into(), |accelerator| {
        format!("in the guest, {accelerator}")
    })
}

fn calls(evidence: &Evidence, timed: &Evidence) -> Table {
    let mut table = Table::new(
        "What a call costs that does nothing, µs",
        &["call", &format!("#{}", machine(timed)), "#on the host"],
    );
    let in_guest = timed.guest.calls();
    let on_host = evidence.host().map(|host| &host.calls);
    let shown = |calls: &Result<&Calls, Finding>, call: Call| {
        let ns = calls.clone().and_then(|calls| cost(calls, call));
        Cell::or_reason(ns.map(|ns| us(ns, 2)).map_err(|finding| finding.measured))
    };
    for call in CALLS {
        let on_host = match call {
            Call::IoctlKernel => Cell::Missing("the module is never loaded there".into()),
            _ => shown(&on_host, call),
        };
        table.row([Cell::text(call.words()), shown(&in_guest, call), on_host]);
    }
    table
}

fn searches(timed: &Evidence) -> Table {
    let clock_ns = clock(timed).map_err(|finding| finding.measured);
    let mut table = Table::new(
        format!(
            "Searches by the module's own clock, {}: means in µs, whole calls as medians",
            machine(timed)
        ),
        &[
            "workload",
            "kind",
            "#in process",
            "#less the clock",
            "#module's search",
            "#x in process",
            "#x less the clock",
            "#module's handler",
            "#call of the module",
            "#call of FUSE",
        ],
    );
    let mut add = |workload: &str, kind: String, inside: Inside, calls: [Option<Timed>; 2]| {
        let net = match &clock_ns {
            Ok(clock_ns) => inside.in_process.less(*clock_ns),
            Err(reason) => Figure::missing(
                inside.in_process.quantity,
                reason,
                inside.in_process.conditions.clone(),
            ),
        };
        let ratio = |base: &Figure| {
            let ratio = Ratio::new(&inside.search, base, Rule::Places);
            Cell::or_reason(
                ratio
                    .map(|ratio| multiple(&ratio))
                    .map_err(|r| r.to_string()),
            )
        };
        let figures = [&inside.in_process, &net, &inside.search].map(shown);
        let [module, fuse] = calls.map(|timed| match timed {
            Some(timed) => shown(&timed.median),
            None => Cell::Missing("not measured".into()),
        });
        let cells = [Cell::text(workload), Cell::Text(kind)]
            .into_iter()
            .chain(figures);
        let ratios = [ratio(&inside.in_process), ratio(&net)];
        table.row(
            cells
                .chain(ratios)
                .chain([shown(&inside.handler), module, fuse]),
        );
    };
    let places = [Place::Kernel, Place::Fuse];
    if let Ok(inside) = figures::workload_inside(timed) {
        let calls = places.map(|place| figures::workload(timed, place).ok());
        add(&timed.criteria.workload.name, "flat".into(), inside, calls);
    }
    for searched in searched(timed).into_iter().flatten() {
        if let (true, Ok(inside)) = (searched.case.timed, figures::index_inside(timed, &searched)) {
            let calls = places.map(|place| figures::index(timed, &searched, place).ok());
            let kind = searched.kind.kind.to_string();
            add(&searched.case.name, kind, inside, calls);
        }
    }
    table
}

/// The fastest setting of each engine in the guest that finds enough, and the same setting on the host.
fn engines(evidence: &Evidence, host: &Located, guest: &Located) -> Table {
    let mut table = Table::new(
        "The same engine and setting on two machines, median search in µs",
        &[
            "workload",
            "engine",
            "setting",
            "#in the guest",
            "#on the host",
        ],
    );
    let floor = evidence
        .criteria
        .comparison
        .as_ref()
        .map_or(1.0, |plan| plan.recall);
    for compared in &guest.comparison().workloads {
        let on_host = host.comparison().workloads.iter();
        let on_host = on_host
            .clone()
            .find(|other| other.workload == compared.workload);
        for standing in guest.standings(compared, floor).all {
            let Ok(fastest) = &standing.fastest else {
                continue;
            };
            let there = on_host
                .ok_or_else(|| "not compared there".to_owned())
                .and_then(|there| same(there, fastest.series).map(|series| (there, series)))
                .map(|(there, series)| host.median(there, series));
            table.row([
                Cell::text(compared.workload.name.to_string()),
                Cell::Text(standing.name()),
                Cell::Text(fastest.series.setting()),
                shown(&fastest.median),
                match there {
                    Ok(figure) => shown(&figure),
                    Err(reason) => Cell::Missing(reason),
                },
            ]);
        }
    }
    table
}

/// The series of the same engine, kind, place and effort.
fn same<'a>(compared: &'a Compared, of: &Series) -> Result<&'a Series, String> {
    let mut all = compared.of(&of.engine, of.place);
    all.find(|series| (series.kind, series.effort) == (of.kind, of.effort))
        .ok_or_else(|| match of.place {
            Some(Place::Kernel) => "the module is never loaded there".into(),
            _ => "not measured there".into(),
        })
}

fn us(ns: f64, digits: usize) -> String {
    format!("{:.digits$}", ns / 1e3)
}

fn shown(figure: &Figure) -> Cell {
    match (figure.value.value, &figure.spread) {
        (Some(ns), Spread::Interval { low, high }) => Cell::Text(format!(
            "{} ({} to {})",
            us(ns, 1),
            us(*low, 1),
            us(*high, 1)
        )),
        (Some(ns), _) => Cell::Text(us(ns, 1)),
        (None, _) => Cell::Missing(figure.value.reason.clone().unwrap_or_default()),
    }
}

fn multiple(ratio: &Ratio) -> String {
    match ratio.spread {
        Spread::Interval { low, high } => format!("{:.2} ({low:.2} to {high:.2})", ratio.value),
        Spread::Exact | Spread::Unknown { .. } => format!("{:.2}", ratio.value),
    }
}
