// SPDX-License-Identifier: MIT OR Apache-2.0
//! The builder of HNSW graphs. Nodes are inserted in batches, in parallel, each batch into the graph of the batches
//! before it; then the edges back to them are added, target by target.
//!
//! The graph does not depend on the number of threads, or on which of them is faster (Manohar et al. 2024, ParlayANN).

mod graph;
mod insert;
mod number;
mod parameters;
mod select;
mod write;

use rayon::prelude::*;

use graph::Graph;
pub use parameters::Parameters;

use crate::anns::Metric;
use crate::anns::building::{BuildError, Progress};
use crate::anns::code::{self, Codes, Quantizer};
use crate::anns::file::Bytes;
use crate::dataset::Matrix;

/// Builds the index file of all `rows`.
pub fn build(
    rows: &Matrix,
    metric: Metric,
    parameters: &Parameters,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Bytes, BuildError> {
    parameters.check()?;
    let order = number::insertion_order(rows.rows(), parameters.m, seed);
    let quantizer = Quantizer::fit(rows, metric);
    let stride = code::stride(rows.dim());
    let mut codes = Bytes::zeroed(order.rows.len() * stride)?;
    codes
        .par_chunks_mut(stride)
        .zip(&order.rows)
        .for_each(|(codes, row)| {
            quantizer.encode_row(rows, metric, *row as usize, bytemuck::cast_slice_mut(codes));
        });

    let graph = Graph::of(
        Codes::new(bytemuck::cast_slice(&codes), stride),
        &order.nodes,
        metric,
        parameters,
        progress,
    )?;
    write::file(
        rows,
        metric,
        parameters,
        seed,
        &quantizer,
        &order.rows,
        &graph,
    )
}
