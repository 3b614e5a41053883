// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exact search: the distance to every row is computed.

use super::distance::Backend;
use super::topk::TopK;
use super::{Hit, candidate};
use crate::dataset::Matrix;

/// Rows whose distances are computed before they are looked at: few enough to stay in the first-level cache.
const BATCH: usize = 256;

/// The `k` rows nearest to `query`, nearest first, with the fastest code that this machine can run.
pub fn search(vectors: &Matrix, query: &[f32], k: usize) -> Vec<Hit> {
    search_with(Backend::best(), vectors, query, k)
}

/// The same with a given implementation of the distance. All give the same answer.
pub fn search_with(backend: Backend, vectors: &Matrix, query: &[f32], k: usize) -> Vec<Hit> {
    assert_eq!(query.len(), vectors.dim(), "a query of another dimension");
    let query = Matrix::from_row(query);
    let mut nearest = TopK::new(k);
    let mut distances = [0f32; BATCH];
    for (batch, rows) in vectors
        .padded()
        .chunks(BATCH * vectors.stride())
        .enumerate()
    {
        let distances = &mut distances[..rows.len() / vectors.stride()];
        backend.squared_l2(query.padded(), rows, distances);
        let mut bound = nearest.bound();
        for (i, distance) in distances.iter().enumerate() {
            let candidate = candidate(*distance, (batch * BATCH + i) as u32);
            if candidate < bound {
                nearest.push(candidate);
                bound = nearest.bound();
            }
        }
    }
    nearest.into_hits()
}
