// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a run searched and found, as hashes that are the same on every machine.

use std::collections::{BTreeMap, BTreeSet};

use super::row::{Agreement, Row, Side};
use crate::bench::{Answer, answers_hash};
use crate::peers::Comparison;
use crate::protocol::results::{Indexes, MeasuredCase, Workload};
use crate::protocol::{self, Failure, IndexCase, Plan};
use crate::verdict::evidence::Evidence;

/// One thing that a run tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    value: String,
    /// What was asked. Where the same was asked, the same must be told.
    asked: String,
}

pub fn rows(packed: Side, new: Side) -> Vec<Row> {
    let (packed, new) = (of(packed.evidence), of(new.evidence));
    let names: BTreeSet<&String> = packed.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .map(|name| row(name, packed.get(name), new.get(name)))
        .collect()
}

fn row(what: &str, packed: Option<&Told>, new: Option<&Told>) -> Row {
    let (outcome, why) = match (packed, new) {
        (Some(a), Some(b)) if a.asked != b.asked => {
            (Agreement::NotComparable, Some("not the same was asked"))
        }
        (Some(a), Some(b)) if a.value == b.value => (Agreement::Equal, None),
        (Some(_), Some(_)) => (Agreement::Differs, Some("the same was asked")),
        _ => (Agreement::NotComparable, Some("one run did not do it")),
    };
    let said = |told: Option<&Told>| told.map_or("nothing".into(), |told| told.value.clone());
    Row {
        what: what.to_owned(),
        outcome,
        packed: said(packed),
        new: said(new),
        why: why.map(str::to_owned),
    }
}

/// What a run tells, by name.
#[derive(Default)]
struct Tale {
    all: BTreeMap<String, Told>,
    asked: String,
}

impl Tale {
    /// Says how the things that follow were asked.
    fn ask(&mut self, asked: impl std::fmt::Debug) {
        self.asked = format!("{asked:?}");
    }

    fn tell(&mut self, what: String, value: impl Into<String>) {
        let told = Told {
            value: value.into(),
            asked: self.asked.clone(),
        };
        self.all.insert(what, told);
    }

    /// Answers, or why there are none.
    fn found(&mut self, what: String, found: Result<(&[Answer], f64), &Failure>) {
        let value = match found {
            Ok((answers, recall)) => format!("{}, recall {recall}", answers_hash(answers)),
            Err(failure) => failed(failure),
        };
        self.tell(what, value);
    }
}

fn failed(failure: &Failure) -> String {
    format!("failed: {failure}")
}

fn of(evidence: &Evidence) -> BTreeMap<String, Told> {
    let mut tale = Tale::default();
    if let Some(plan) = &evidence.plan {
        if let Ok(searched) = evidence.guest.workload() {
            workload(&mut tale, &evidence.criteria.workload.name, plan, searched);
        }
        if let Ok(searched) = evidence.guest.indexes() {
            indexes(&mut tale, plan, searched);
        }
    }
    on_host(&mut tale, evidence);
    for (machine, located) in [
        ("on the host", evidence.comparison()),
        ("in the guest", evidence.comparison_in_guest()),
    ] {
        if let Ok(located) = located {
            compared(&mut tale, located.comparison(), machine);
        }
    }
    tale.all
}

fn workload(tale: &mut Tale, name: &str, plan: &Plan, searched: &Workload) {
    tale.ask((&plan.workload, plan.k));
    tale.tell(format!("{name}: vectors"), &searched.vectors_blake3);
    tale.tell(format!("{name}: queries"), &searched.queries_blake3);
    tale.tell(format!("{name}: exact ids"), &searched.truth_blake3);
    for (place, outcome) in &searched.places {
        let found = outcome.as_result();
        tale.found(
            format!("{name} flat: answers in the guest, {place}"),
            found.map(|run| (run.answers.as_slice(), run.recall)),
        );
    }
}

fn indexes(tale: &mut Tale, plan: &Plan, searched: &Indexes) {
    for case in &searched.cases {
        let mut planned = plan.indexes.iter();
        if let Some(planned) = planned.find(|planned| planned.name == case.name) {
            index_case(tale, planned, case);
        }
    }
}

fn index_case(tale: &mut Tale, planned: &IndexCase, case: &MeasuredCase) {
    let rows = (&planned.workload, planned.metric, planned.k);
    tale.ask(rows);
    let name = format!("case {}", case.name);
    tale.tell(format!("{name}: vectors"), &case.vectors_blake3);
    tale.tell(format!("{name}: queries"), &case.queries_blake3);
    tale.tell(format!("{name}: exact ids"), &case.truth_blake3);
    for kind in &case.kinds {
        let mut kinds = planned.kinds.iter();
        tale.ask((rows, kinds.find(|planned| planned.kind == kind.kind)));
        let name = format!("{name} {}", kind.kind);
        let runs = match kind.outcome.as_result() {
            Ok(runs) => runs,
            Err(failure) => {
                tale.tell(format!("{name}: index"), failed(failure));
                continue;
            }
        };
        if let Some(built) = &runs.built {
            tale.tell(format!("{name}: index"), &built.blake3);
        }
        for (place, outcome) in &runs.places {
            let found = outcome.as_result();
            tale.found(
                format!("{name}: answers in the guest, {place}"),
                found.map(|run| (run.answers.as_slice(), run.recall)),
            );
        }
    }
}

/// Tells what the host found: the workload through FUSE, and the indexes that the guest builds, too.
fn on_host(tale: &mut Tale, evidence: &Evidence) {
    let asked = &evidence.criteria.workload;
    let searches = evidence.host.as_ref().ok().map(|host| &host.searches);
    if let Some(Ok(searches)) = searches.map(protocol::Outcome::as_result) {
        tale.ask((&asked.name, &asked.vectors, asked.k));
        let name = &asked.name;
        tale.tell(
            format!("{name}: vectors on the host"),
            &searches.vectors_blake3,
        );
        for (place, run) in [
            ("in-process", &searches.in_process),
            ("fuse", &searches.fuse),
        ] {
            tale.tell(
                format!("{name} flat: answers on the host, {place}"),
                answers_hash(&run.answers),
            );
        }
    }
    for index in evidence.indexes.iter().flatten() {
        let mut cases = evidence.criteria.indexes.iter();
        let case = cases.find(|case| case.name == index.case);
        tale.ask(case.map(|case| {
            let mut kinds = case.kinds.iter();
            let kind = kinds.find(|kind| kind.kind == index.kind);
            (&case.workload, case.metric, kind.map(|kind| kind.build))
        }));
        let name = format!(
            "case {} {}: index built on the host",
            index.case, index.kind
        );
        let built = index.built.as_result();
        tale.tell(
            name,
            built.map_or_else(failed, |built| built.blake3.clone()),
        );
    }
}

/// Tells what our own kinds found in a comparison with peers.
fn compared(tale: &mut Tale, comparison: &Comparison, machine: &str) {
    for compared in &comparison.workloads {
        tale.ask((compared.workload, compared.metric, compared.k));
        let name = format!("{} beside other engines {machine}", compared.workload.name);
        tale.tell(format!("{name}: vectors"), &compared.vectors_blake3);
        tale.tell(format!("{name}: queries"), &compared.queries_blake3);
        tale.tell(format!("{name}: exact ids"), &compared.truth_blake3);
        for series in &compared.series {
            // The answers of peers are theirs.
            let Some(place) = series.place else {
                continue;
            };
            let Ok(samples) = series.measured.samples() else {
                continue;
            };
            let hash = samples.answers_blake3.as_deref().unwrap_or("no hash");
            tale.tell(
                format!(
                    "{name}, {}, effort {}: answers, {place}",
                    series.kind, series.effort
                ),
                format!("{hash}, recall {}", samples.recall_by_row),
            );
        }
    }
}
