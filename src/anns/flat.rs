// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exact search: the distance to every row is computed.

use std::ops::Range;

use super::distance::{Backend, Query, Rows};
use super::topk::TopK;
use super::{Answer, Filter, Metric};
use crate::dataset::{Matrix, RowSet};

/// Finds the `k` rows nearest to `query`, with the fastest code that this machine can run.
pub fn search<'a>(rows: impl Into<RowSet<'a>>, metric: Metric, query: &[f32], k: usize) -> Answer {
    search_with(Backend::best(), rows, metric, query, k)
}

/// Finds the `k` rows nearest to `query` with a given implementation of the distances. All implementations give the
/// same answer.
pub fn search_with<'a>(
    backend: Backend,
    rows: impl Into<RowSet<'a>>,
    metric: Metric,
    query: &[f32],
    k: usize,
) -> Answer {
    let rows = rows.into();
    assert_eq!(query.len(), rows.dim(), "a query of another dimension");
    let padded = Matrix::from_row(query);
    let mut nearest = TopK::new(k);
    scan(
        backend,
        &Query::new(metric, padded.padded()),
        rows,
        0..rows.rows(),
        &mut nearest,
    );
    Answer {
        hits: nearest.into_hits(),
        evaluated: rows.rows() as u64,
    }
}

/// Finds the `k` nearest of the rows of a filter.
pub fn search_filtered<'a>(
    rows: impl Into<RowSet<'a>>,
    metric: Metric,
    query: &[f32],
    k: usize,
    filter: Option<&Filter>,
) -> Answer {
    let rows = rows.into();
    assert_eq!(query.len(), rows.dim(), "a query of another dimension");
    let padded = Matrix::from_row(query);
    let mut nearest = TopK::new(k);
    let query = Query::new(metric, padded.padded());
    let evaluated = compare(&query, rows, 0..rows.rows(), filter, &mut nearest);
    Answer {
        hits: nearest.into_hits(),
        evaluated,
    }
}

/// Offers the rows of a range, or those of a filter among them, to `nearest`. Returns how many these are.
pub fn compare(
    query: &Query,
    rows: RowSet,
    range: Range<usize>,
    filter: Option<&Filter>,
    nearest: &mut TopK,
) -> u64 {
    let Some(filter) = filter else {
        let count = range.len() as u64;
        scan(Backend::best(), query, rows, range, nearest);
        return count;
    };
    let mut count = 0;
    filter.batches(range, |batch| {
        count += batch.len() as u64;
        Backend::best().gather(query, Rows::of(rows, query.metric()), batch, nearest);
    });
    count
}

/// Offers the rows of a range to `nearest`, each with its exact distance from `query`.
pub fn scan<'a>(
    backend: Backend,
    query: &Query,
    rows: impl Into<RowSet<'a>>,
    range: Range<usize>,
    nearest: &mut TopK,
) {
    backend.scan(query, Rows::of(rows, query.metric()), range, nearest);
}
