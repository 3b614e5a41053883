// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exact search: the distance to every row is computed.

use std::ops::Range;

use super::distance::{Backend, Query, Rows};
use super::topk::TopK;
use super::{Answer, Metric};
use crate::dataset::Matrix;

/// Finds the `k` rows nearest to `query`, with the fastest code that this machine can run.
pub fn search(rows: &Matrix, metric: Metric, query: &[f32], k: usize) -> Answer {
    search_with(Backend::best(), rows, metric, query, k)
}

/// Finds the `k` rows nearest to `query` with a given implementation of the distances. All implementations give the
/// same answer.
pub fn search_with(
    backend: Backend,
    rows: &Matrix,
    metric: Metric,
    query: &[f32],
    k: usize,
) -> Answer {
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

/// Offers the rows of a range to `nearest`, each with its exact distance from `query`.
pub fn scan(
    backend: Backend,
    query: &Query,
    rows: &Matrix,
    range: Range<usize>,
    nearest: &mut TopK,
) {
    backend.scan(query, Rows::of(rows, query.metric()), range, nearest);
}
