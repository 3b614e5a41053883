// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a run searched and found, as hashes that are the same on every machine.

use std::collections::BTreeMap;

use crate::bench::{Answer, answers_hash};
use crate::comparison::Place;
use crate::guest::protocol::{Failure, Outcome};
use crate::validate::evidence::Evidence;

/// One thing that a run told.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    pub value: String,
    /// It was done on the host, where not everybody can do it.
    pub on_host: bool,
}

/// By name. What failed has its reason in the place of a hash.
pub fn of(evidence: &Evidence) -> BTreeMap<String, Told> {
    let mut all = BTreeMap::new();
    let mut tell = |what: String, value: String| {
        all.insert(
            what,
            Told {
                value,
                on_host: false,
            },
        );
    };
    if let Ok(workload) = evidence.guest.workload() {
        let name = &evidence.criteria.workload.name;
        tell(format!("{name}: vectors"), workload.vectors_blake3.clone());
        tell(format!("{name}: queries"), workload.queries_blake3.clone());
        tell(format!("{name}: exact ids"), workload.truth_blake3.clone());
        for (place, outcome) in &workload.places {
            tell(
                format!("{name} flat: answers in the guest, {place}"),
                found(outcome, |run| answers(&run.answers, run.recall)),
            );
        }
    }
    if let Ok(indexes) = evidence.guest.indexes() {
        for case in &indexes.cases {
            let name = &case.name;
            tell(format!("case {name}: vectors"), case.vectors_blake3.clone());
            tell(format!("case {name}: queries"), case.queries_blake3.clone());
            tell(format!("case {name}: exact ids"), case.truth_blake3.clone());
            for kind in &case.kinds {
                let name = format!("case {name} {}", kind.kind);
                let runs = match kind.outcome.as_result() {
                    Ok(runs) => runs,
                    Err(failure) => {
                        tell(format!("{name}: index"), failed(failure));
                        continue;
                    }
                };
                if let Some(built) = &runs.built {
                    tell(format!("{name}: index"), built.blake3.clone());
                }
                for (place, outcome) in &runs.places {
                    tell(
                        format!("{name}: answers in the guest, {place}"),
                        found(outcome, |run| answers(&run.answers, run.recall)),
                    );
                }
            }
        }
    }
    all.extend(on_host(evidence).map(|(what, value)| {
        let on_host = true;
        (what, Told { value, on_host })
    }));
    all
}

fn on_host(evidence: &Evidence) -> impl Iterator<Item = (String, String)> {
    let searches = evidence.host.as_ref().ok().map(|host| &host.searches);
    let searches = searches.and_then(|searches| searches.as_result().ok());
    let name = &evidence.criteria.workload.name;
    let searched = searches.into_iter().flat_map(move |searches| {
        [
            (
                format!("{name}: vectors on the host"),
                searches.vectors_blake3.clone(),
            ),
            (
                format!("{name} flat: answers on the host, in-process"),
                answers_hash(&searches.in_process.answers),
            ),
            (
                format!("{name} flat: answers on the host, fuse"),
                answers_hash(&searches.fuse.answers),
            ),
        ]
    });
    let built = evidence.indexes.iter().flatten().map(|index| {
        (
            format!(
                "case {} {}: index built on the host",
                index.case, index.kind
            ),
            found(&index.built, |built| built.blake3.clone()),
        )
    });
    let compared = evidence.comparison.iter().flat_map(|comparison| {
        let workloads = comparison.workloads.iter();
        workloads.flat_map(|compared| {
            let name = format!("{} beside other engines", compared.workload.name);
            let of_rows = [
                ("vectors", &compared.vectors_blake3),
                ("queries", &compared.queries_blake3),
                ("exact ids", &compared.truth_blake3),
            ];
            let of_rows = of_rows.map(|(what, hash)| (format!("{name}: {what}"), hash.clone()));
            let ours = compared.series.iter().filter_map(move |series| {
                let samples = series.measured.samples().ok()?;
                let hash = samples.answers_blake3.clone()?;
                let place = match series.place {
                    Place::InProcess | Place::OwnProcess => "in-process",
                    Place::Fuse => "fuse",
                    Place::Kernel => "kernel",
                };
                let setting = format!("{} {}", series.kind, series.effort);
                Some((
                    format!("{name} {setting}: answers on the host, {place}"),
                    format!("{hash}, recall {}", samples.recall_by_row),
                ))
            });
            of_rows.into_iter().chain(ours)
        })
    });
    searched.chain(built).chain(compared)
}

fn answers(answers: &[Answer], recall: f64) -> String {
    format!("{}, recall {recall}", answers_hash(answers))
}

fn found<T>(outcome: &Outcome<T>, value: impl Fn(&T) -> String) -> String {
    outcome.as_result().map_or_else(failed, value)
}

fn failed(failure: &Failure) -> String {
    format!("failed: {failure}")
}
