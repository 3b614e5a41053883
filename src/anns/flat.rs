// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exact search: the distance to every row is computed.

use super::Hit;
use super::distance::Backend;
use super::topk::TopK;
use crate::dataset::Matrix;

/// The `k` rows nearest to `query`, nearest first, with the fastest code that this machine can run.
pub fn search(vectors: &Matrix, query: &[f32], k: usize) -> Vec<Hit> {
    search_with(Backend::best(), vectors, query, k)
}

/// The same with a given implementation of the distance. All give the same answer.
pub fn search_with(backend: Backend, vectors: &Matrix, query: &[f32], k: usize) -> Vec<Hit> {
    assert_eq!(query.len(), vectors.dim(), "a query of another dimension");
    let mut nearest = TopK::new(k);
    backend.scan(
        Matrix::from_row(query).padded(),
        vectors.padded(),
        &mut nearest,
    );
    nearest.into_hits()
}
