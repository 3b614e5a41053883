// SPDX-License-Identifier: MIT OR Apache-2.0
//! Derives what a run on the user's own vectors must show: the criteria of every run, with these vectors in the place
//! of the built-in ones.

use anyhow::{Result, ensure};

use crate::bench::ids_hash;
use crate::client::Kind;
use crate::dataset::source::{Given, Source};
use crate::dataset::workload::{Name, Workload};
use crate::protocol::Build;

use super::subject;
use crate::criteria::own_data::OwnData;
use crate::criteria::{Criteria, Criterion, IndexCriteria, KindCriteria, WorkloadCriteria};
use crate::protocol::run_files::to_json;

/// The name of the only case.
const CASE: &str = "own";

const TRUTH: &str = "dataset.truth";

/// The kinds of index that are built, each with the defaults of its kind.
const KINDS: [Kind; 4] = [Kind::Hnsw, Kind::Ivf, Kind::Pq, Kind::Lsh];

/// Derives the criteria of a run on these vectors. Criteria that an earlier run on the same vectors wrote down are
/// taken as they are.
pub fn derive(base: &Criteria, own: &OwnData) -> Result<Criteria> {
    if let Some(of) = given(base) {
        let rows = |given: &Given| (given.vectors_blake3.clone(), given.queries_blake3.clone());
        ensure!(
            rows(of) == rows(&own.given) && base.workload.metric == own.metric,
            "the criteria are of other vectors or another metric ({}, {}, vectors {:.16}…): leave --criteria out, or give them those",
            of.name,
            base.workload.metric,
            of.vectors_blake3
        );
        return Ok(base.clone());
    }
    let workload = WorkloadCriteria {
        name: own.given.name.clone(),
        vectors: own.given.vectors_blake3.clone(),
        queries: own.given.queries_blake3.clone(),
        truth: ids_hash(own.truth.iter().map(Vec::as_slice)),
        metric: own.metric,
        ..base.workload.clone()
    };
    let kinds = KINDS.map(|kind| KindCriteria {
        kind,
        build: Build::default(),
        effort: 0,
        recall: 0.0,
    });
    let case = IndexCriteria {
        name: CASE.to_owned(),
        workload: Source::Given(own.given.clone()),
        metric: own.metric,
        k: base.workload.k,
        warmups: 1,
        runs: 5,
        icount_runs: 1,
        timed: false,
        kinds: kinds.into(),
    };
    let less_work = less_work(own);
    let mut adapted_checks = Vec::new();
    let applies = |check: &&Criterion| check.id != TRUTH && !subject::compares(&check.id);
    for check in base.checks.iter().filter(applies) {
        adapted_checks.push(adapted(check, own, less_work));
    }
    let at = adapted_checks
        .iter()
        .position(|check| check.id == "workload.identity")
        .map_or(adapted_checks.len(), |at| at + 1);
    adapted_checks.insert(
        at,
        Criterion {
            id: TRUTH.to_owned(),
            phase: 2,
            criterion: "the neighbours that the file brings, if any, are as near as the exact ones"
                .into(),
            limit: None,
        },
    );
    let criteria = Criteria {
        version: base.version,
        workload,
        indexes: vec![case],
        // The peers are compared on the built-in vectors.
        comparison: None,
        suites: base.suites,
        hostile: base.hostile,
        cuts: None,
        checks: adapted_checks,
        text: String::new(),
        blake3: String::new(),
    };
    Criteria::parse(&to_json(&criteria)?)
}

/// The vectors that criteria are about, if those are not generated.
fn given(criteria: &Criteria) -> Option<&Given> {
    let mut sources = criteria.indexes.iter().map(|case| &case.workload);
    sources.find_map(|source| match source {
        Source::Given(given) => Some(given),
        Source::Generated(_) => None,
    })
}

/// How much less work an exact search is here than on the vectors that the limits were written down for; 1 if it is as
/// much or more.
fn less_work(own: &OwnData) -> f64 {
    let usual = Workload::new(Name::Inherited);
    let usual = (usual.rows * usual.dim) as f64;
    (usual / (own.given.rows * own.given.dim) as f64).max(1.0)
}

/// Adapts a check whose sentence or limit is about the built-in vectors.
fn adapted(check: &Criterion, own: &OwnData, less_work: f64) -> Criterion {
    let mut check = check.clone();
    match check.id.as_str() {
        "workload.identity" => {
            check.criterion =
                "vectors, queries and exact ids have the BLAKE3 that the host computed from the file".into();
        }
        "index.recall" => {
            check.criterion = "recall of every kind against exact ground truth is the same in the three places; no floor was written down for these vectors".into();
        }
        "index.kernel.overhead" | "index.fuse.overhead" => {
            check.criterion = "what a search with every kind costs is shown; no limit was written down for these vectors".into();
            check.limit = None;
        }
        "kernel.overhead" | "fuse.overhead" => {
            if let Some(limit) = &mut check.limit {
                // Entering a driver costs the same however little is to be done there.
                *limit = 1.0 + (*limit - 1.0) * less_work;
                check.criterion = format!(
                    "median time of an exact search at most {limit:.2} x in process, same run: {} x {} elements may cost as much more as 10000 x 128 may",
                    own.given.rows, own.given.dim
                );
            }
        }
        _ => {}
    }
    check
}
