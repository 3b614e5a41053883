// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exact search: the distance to every row is computed.

use super::distance::Backend;
use super::topk::TopK;
use super::{Hit, candidate};
use crate::dataset::Matrix;

/// Rows whose distances are computed before they are looked at: few enough to stay in the first-level cache.
const BATCH: usize = 256;
/// Rows whose distances are looked at together; a part of a batch.
const GROUP: usize = 16;

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
        let first = (batch * BATCH) as u32;
        let (groups, rest) = distances.as_chunks::<GROUP>();
        for (group, distances) in (0..).zip(groups) {
            // Hardly any row comes near enough, and one look at a whole group finds that out.
            let limit = nearest.limit();
            if distances
                .iter()
                .fold(false, |any, distance| any | (*distance <= limit))
            {
                offer(&mut nearest, first + group * GROUP as u32, distances);
            }
        }
        offer(&mut nearest, first + (groups.len() * GROUP) as u32, rest);
    }
    nearest.into_hits()
}

/// Offers rows from `first` on at these distances.
fn offer(nearest: &mut TopK, first: u32, distances: &[f32]) {
    for (row, distance) in (first..).zip(distances) {
        nearest.offer(candidate(*distance, row));
    }
}
