// SPDX-License-Identifier: MIT OR Apache-2.0
//! The builder of HNSW graphs. Nodes are inserted in batches, in parallel, each batch into the graph of the batches
//! before it; then the edges back to them are added, target by target.
//!
//! The graph does not depend on the number of threads, or on which of them is faster (Manohar et al. 2024, ParlayANN).

mod equals;
mod graph;
mod insert;
mod number;
mod parameters;
mod select;
mod tree;
mod update;
mod write;

use rayon::prelude::*;

use equals::Equals;
use graph::{Graph, Nodes};
use number::Order;
pub use parameters::Parameters;

use crate::anns::Metric;
use crate::anns::building::{BuildError, Progress};
use crate::anns::code::{self, Codes, Quantizer};
use crate::anns::distance::Rows;
use crate::anns::file::Bytes;
use crate::anns::hnsw::graph::WIDTH_MAX;
use crate::anns::hnsw::space::Space;
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
    let mut order = Order::of(rows.rows(), seed);
    let quantizer = Quantizer::fit(rows, metric);
    let stride = code::stride(rows.dim());
    let mut codes = Bytes::zeroed(order.rows.len() * stride)?;
    codes
        .par_chunks_mut(stride)
        .zip(&order.rows)
        .for_each(|(codes, row)| {
            quantizer.encode_row(rows, metric, *row as usize, bytemuck::cast_slice_mut(codes));
        });
    let all = Codes::new(bytemuck::cast_slice(&codes), stride);
    let coded = code::fit(rows, metric, &quantizer, all, &order.rows);
    let groups = match coded {
        true => code::equal_codes(all),
        false => code::equal_rows(rows, &order.rows),
    };
    progress.go_on()?;

    let width = (2 * parameters.m).min(WIDTH_MAX);
    let (equals, kept) = Equals::of(&groups, &order.rows, width);
    order.keep(&kept);
    if coded {
        keep_codes(&mut codes, stride, &kept);
    }
    let nodes = Nodes {
        rows,
        row_of: &order.rows,
        space: match coded {
            true => Space::Codes(Codes::new(
                bytemuck::cast_slice(&codes[..order.rows.len() * stride]),
                stride,
            )),
            false => Space::Rows {
                rows: Rows::of(rows, metric),
                row_of: &order.rows,
            },
        },
        metric: match (coded, metric) {
            // L2 orders rows of length 1 as their angles do. Inner products do not: codes have an offset.
            (true, Metric::Cosine) => Metric::L2,
            (_, metric) => metric,
        },
        reserved: equals.reserved(order.rows.len()),
    };
    let graph = Graph::of(nodes, &order.levels(parameters.m), parameters, progress)?;
    let quantizer = coded.then_some(&quantizer);
    let order = write::with_equals(&graph, &equals);
    write::file(metric, parameters, seed, quantizer, &graph, &equals, &order)
}

/// Moves the codes of the nodes that are kept to the front.
fn keep_codes(codes: &mut [u8], stride: usize, kept: &[bool]) {
    let mut to = 0;
    for (from, _) in kept.iter().enumerate().filter(|(_, kept)| **kept) {
        codes.copy_within(from * stride..(from + 1) * stride, to);
        to += stride;
    }
}
