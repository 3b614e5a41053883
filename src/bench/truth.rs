// SPDX-License-Identifier: MIT OR Apache-2.0
//! The exact answers, with which every search is compared.

use crate::anns::distance::Backend;
use crate::anns::{Hit, Metric, flat};
use crate::dataset::Matrix;

/// The exact answer to each query, by the scalar reference. `before` is told each query's number, and may end it all.
pub fn truth<E>(
    vectors: &Matrix,
    queries: &Matrix,
    metric: Metric,
    k: u32,
    mut before: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<Vec<Hit>>, E> {
    let mut all = Vec::with_capacity(queries.rows());
    for (number, query) in queries.iter().enumerate() {
        before(number)?;
        let answer = flat::search_with(Backend::Scalar, vectors, metric, query, k as usize);
        all.push(answer.hits);
    }
    Ok(all)
}
