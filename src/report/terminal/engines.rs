// SPDX-License-Identifier: MIT OR Apache-2.0
//! The engines side by side, each with its fastest setting that finds enough.

use comfy_table::Table;

use super::table::table;
use crate::criteria::check::Finding;
use crate::figures::{Clock, Fastest, Located, Ratio, Refusal, Spread, Standings};
use crate::verdict::evidence::Evidence;

pub fn on_host(evidence: &Evidence) -> Option<String> {
    of(evidence, evidence.comparison(), "on the host")
}

pub fn in_guest(evidence: &Evidence) -> Option<String> {
    of(evidence, evidence.comparison_in_guest(), "in the guest")
}

/// The tables of one machine. None where no engines were compared, or by a clock that means nothing: the checks say
/// why.
fn of(evidence: &Evidence, comparison: Result<Located, Finding>, machine: &str) -> Option<String> {
    let (located, plan) = (comparison.ok()?, evidence.criteria.comparison.as_ref()?);
    if located.clock() != Clock::Monotonic {
        return None;
    }
    let mut rows = table();
    rows.set_header([
        machine,
        "engine",
        &format!("fastest with recall {}", plan.recall),
        "recall@k",
        "median search, µs",
        "x ours",
    ]);
    for compared in &located.comparison().workloads {
        let standings = located.standings(compared, plan.recall);
        workload(&mut rows, &compared.workload.name.to_string(), &standings);
    }
    Some(rows.to_string())
}

/// Adds the rows of a workload. What the others are compared with stands as 1.
fn workload(rows: &mut Table, name: &str, standings: &Standings) {
    let base = standings.base();
    for standing in &standings.all {
        let mut row = vec![name.to_owned(), standing.name()];
        match &standing.fastest {
            Ok(fastest) => {
                row.extend(measured(fastest));
                row.push(match base {
                    None => "vexfs found too little".into(),
                    Some((base, _)) if std::ptr::eq(base, standing) => "1".into(),
                    Some((_, base)) => multiple(standings.over(fastest, base)),
                });
            }
            Err(reason) => row.push(reason.clone()),
        }
        rows.add_row(row);
    }
}

fn measured(fastest: &Fastest) -> [String; 3] {
    let us = |ns: f64| format!("{:.1}", ns / 1e3);
    let interval = match fastest.median.spread {
        Spread::Interval { low, high } => format!(" ({} to {})", us(low), us(high)),
        Spread::Exact | Spread::Unknown { .. } => String::new(),
    };
    let recall = fastest.median.conditions.recall;
    [
        fastest.series.setting(),
        recall.map_or(String::new(), |recall| format!("{recall:.4}")),
        us(fastest.ns) + &interval,
    ]
}

fn multiple(ratio: Result<Ratio, Refusal>) -> String {
    match ratio {
        Err(refusal) => refusal.to_string(),
        Ok(ratio) => match ratio.spread {
            Spread::Interval { low, high } => {
                format!("{:.2} ({low:.2} to {high:.2})", ratio.value)
            }
            Spread::Exact | Spread::Unknown { .. } => format!("{:.2}", ratio.value),
        },
    }
}
