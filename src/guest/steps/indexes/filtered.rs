// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches that keep to a filter, by each kind, both where the index is asked for more and where it is passed by; and
//! many searches at once.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::following::sidecar;
use crate::anns::filter::Way;
use crate::anns::{Answer, Filter, Metric, flat, index};
use crate::bench::{self, first_divergence};
use crate::client::{Kind, Method, Searcher};
use crate::dataset::workload::{Name, Workload};
use crate::dataset::{Matrix, fvecs};
use crate::exercise::Tell;
use crate::exercise::building::{build, parse};
use crate::protocol::results::Case;

const ROWS: usize = 1200;
/// Rows behind those that the indexes cover.
const TAIL: usize = 30;
const DIM: usize = 12;
const K: u32 = 5;
/// Queries that are searched for at once.
const BATCH: usize = 400;

const AS_IN_PROCESS: &str = "as in process";

/// Searches below `root`, a directory of a mount.
pub fn cases(root: &Path, tell: Tell) -> Result<Vec<Case>> {
    let workload = Workload {
        rows: ROWS + TAIL,
        dim: DIM,
        queries: 2,
        ..Workload::new(Name::Clustered)
    };
    let generated = workload.generate()?;
    let rows = generated.vectors;
    let mut covered = Matrix::new(DIM);
    rows.iter().take(ROWS).for_each(|row| covered.push(row));
    let path = root.join("filtered.fvecs");
    fvecs::write(&path, &rows)?;

    let mut cases = Vec::new();
    let mut push = |name: String, observed: String| {
        let done = cases.len() as u64;
        tell(&name, done, done + 1);
        cases.push(Case {
            name,
            expected: AS_IN_PROCESS.to_owned(),
            observed,
        });
    };
    let filters = filters(ROWS + TAIL);
    for (what, filter) in &filters {
        let searcher = Searcher::open(&path)?.keeping_to(filter.clone());
        let answers = generated.queries.iter().map(|query| {
            let expected =
                flat::search_filtered(&rows, Metric::L2, query, K as usize, Some(filter));
            compare(&searcher, Kind::Flat, 0, query, &expected)
        });
        push(format!("flat: {what}"), first_fault(answers));
    }
    for kind in index::Kind::ALL {
        let built = build(&covered, Metric::L2, kind)?;
        fs::write(sidecar(&path, kind), &built)?;
        let index = parse(&built, kind)?;
        // With effort 1 an index is worth asking for half of the rows.
        debug_assert_eq!(filters[0].1.way(ROWS, K.into()), Way::Times(2));
        for (what, filter) in &filters {
            let searcher = Searcher::open(&path)?.keeping_to(filter.clone());
            let answers = generated.queries.iter().map(|query| {
                let expected = index.search_filtered(&rows, query, K as usize, 1, Some(filter));
                compare(&searcher, kind.into(), 1, query, &expected)
            });
            push(format!("{kind}: {what}"), first_fault(answers));
        }
    }

    // More than fit into one batch, with a filter and without.
    let mut many = Matrix::new(DIM);
    for row in rows.iter().take(BATCH) {
        let query: Vec<f32> = row.iter().map(|element| element + 0.125).collect();
        many.push(&query);
    }
    for kind in [Kind::Flat, Kind::Hnsw, Kind::Ivf, Kind::Pq, Kind::Lsh] {
        for filter in [None, Some(&filters[1].1)] {
            let mut searcher = Searcher::open(&path)?;
            if let Some(filter) = filter {
                searcher = searcher.keeping_to(filter.clone());
            }
            let method = method(kind, 0);
            let one_by_one = many
                .iter()
                .map(|query| searcher.search(query, method))
                .collect::<Result<Vec<_>, _>>()?;
            let at_once = searcher.search_batch(&many, 0..BATCH, method)?;
            let [one_by_one, at_once] = [one_by_one, at_once].map(|found| {
                let answers = found.iter().map(|found| bench::Answer::new(&found.hits));
                answers.collect::<Vec<_>>()
            });
            let observed = first_divergence(&one_by_one, &at_once);
            let what = filter.map_or("all rows", |_| "a few rows");
            push(
                format!("{kind}: many queries at once, {what}"),
                observed.unwrap_or_else(|| AS_IN_PROCESS.to_owned()),
            );
        }
    }

    // Each open file has a filter of its own, and one without searches all rows.
    let searchers = [
        Searcher::open(&path)?.keeping_to(filters[0].1.clone()),
        Searcher::open(&path)?.keeping_to(filters[1].1.clone()),
    ];
    let all = Searcher::open(&path)?;
    let answers = generated.queries.iter().flat_map(|query| {
        let mut observed: Vec<String> = searchers
            .iter()
            .map(|searcher| {
                let expected =
                    flat::search_filtered(&rows, Metric::L2, query, K as usize, searcher.filter());
                compare(searcher, Kind::Flat, 0, query, &expected)
            })
            .collect();
        let expected = flat::search(&rows, Metric::L2, query, K as usize);
        observed.push(compare(&all, Kind::Flat, 0, query, &expected));
        observed
    });
    push("three open files in turns".to_owned(), first_fault(answers));
    Ok(cases)
}

/// Half of the rows, a few, none, and all: the last one in more words than there are rows for.
fn filters(rows: usize) -> [(&'static str, Filter); 4] {
    let rows = rows as u32;
    let every = |step: usize| -> Vec<u32> { (0..rows).step_by(step).collect() };
    let all = (0..rows / 64 + 3).map(|_| u64::MAX).collect();
    [
        ("half of the rows", Filter::of_rows(&every(2))),
        ("a few rows", Filter::of_rows(&every(97))),
        ("no row", Filter::default()),
        ("all rows", all),
    ]
}

fn compare(
    searcher: &Searcher,
    kind: Kind,
    effort: u32,
    query: &[f32],
    expected: &Answer,
) -> String {
    let found = match searcher.search(query, method(kind, effort)) {
        Ok(found) => found,
        Err(error) => return error.to_string(),
    };
    let [theirs, ours] = [&found.hits, &expected.hits].map(|hits| bench::Answer::new(hits));
    match first_divergence(std::slice::from_ref(&ours), std::slice::from_ref(&theirs)) {
        Some(divergence) => divergence,
        None if found.evaluated != expected.evaluated => format!(
            "{} distances computed, {} in process",
            found.evaluated, expected.evaluated
        ),
        None => AS_IN_PROCESS.to_owned(),
    }
}

fn method(kind: Kind, effort: u32) -> Method {
    Method {
        kind,
        metric: Metric::L2,
        k: K,
        effort,
    }
}

fn first_fault(mut observed: impl Iterator<Item = String>) -> String {
    observed
        .find(|observed| observed != AS_IN_PROCESS)
        .unwrap_or_else(|| AS_IN_PROCESS.to_owned())
}
