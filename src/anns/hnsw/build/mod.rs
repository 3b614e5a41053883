// SPDX-License-Identifier: MIT OR Apache-2.0
//! The builder: nodes are inserted in batches, in parallel, each batch into the graph of those before it. Then the edges
//! back to them are added, target by target. So the graph does not depend on the number of threads, or on which of them
//! is faster (Manohar et al. 2024, ParlayANN).

mod insert;
mod number;
mod select;
mod write;

use rayon::prelude::*;

use super::beam::WIDTH_MAX;
use crate::anns::Metric;
use crate::anns::code::{self, Codes, Quantizer};
use crate::anns::distance::Backend;
use crate::anns::index::{BuildError, Bytes, EFFORT_MAX, NONE, OutOfMemory, Progress};
use crate::dataset::Matrix;

#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// M: links of a node on a level; there are twice as many on the lowest.
    pub m: usize,
    /// efConstruction: how many candidates a new node's links are chosen from.
    pub ef_construction: usize,
    /// efSearch, unless a search says otherwise.
    pub ef_search: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            m: 16,
            ef_construction: 200,
            ef_search: 64,
        }
    }
}

impl Parameters {
    fn check(&self) -> Result<(), BuildError> {
        let demands = [
            ((2..=128).contains(&self.m), "M must be 2 to 128"),
            (
                (1..=EFFORT_MAX as usize).contains(&self.ef_construction),
                "efConstruction must be 1 to 65536",
            ),
            (
                (1..=EFFORT_MAX).contains(&self.ef_search),
                "efSearch must be 1 to 65536",
            ),
        ];
        match demands.into_iter().find(|(met, _)| !met) {
            Some((_, demand)) => Err(BuildError::Parameter(demand)),
            None => Ok(()),
        }
    }
}

/// Batches are at most this part of all nodes, since the nodes of one do not see each other.
const BATCHES: usize = 50;

/// The index file of all `rows`.
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

/// The graph while it is built.
struct Graph<'a> {
    backend: Backend,
    codes: Codes<'a>,
    /// How codes of rows are compared with each other.
    metric: Metric,
    ef: usize,
    /// 0 first.
    levels: Vec<Links>,
}

/// The links of a level, by node.
struct Links {
    bytes: Bytes,
    width: usize,
    nodes: usize,
}

impl Links {
    fn new(nodes: usize, width: usize) -> Result<Self, OutOfMemory> {
        let mut bytes = Bytes::zeroed(4 * nodes * width)?;
        bytemuck::cast_slice_mut(&mut bytes).fill(NONE);
        Ok(Links {
            bytes,
            width,
            nodes,
        })
    }

    fn level(&self) -> super::graph::Level<'_> {
        super::graph::Level::new(bytemuck::cast_slice(&self.bytes), self.width)
    }

    /// Sets the neighbours of a node, given their keys.
    fn set(&mut self, node: u32, neighbours: &[u64]) {
        let places: &mut [u32] = bytemuck::cast_slice_mut(&mut self.bytes);
        let places = &mut places[node as usize * self.width..][..self.width];
        places.fill(NONE);
        for (place, key) in places.iter_mut().zip(neighbours) {
            *place = *key as u32;
        }
    }
}

impl<'a> Graph<'a> {
    /// `nodes` is how many nodes each level has, 0 first.
    fn of(
        codes: Codes<'a>,
        nodes: &[usize],
        metric: Metric,
        parameters: &Parameters,
        progress: &dyn Progress,
    ) -> Result<Self, BuildError> {
        let levels = nodes.iter().enumerate().map(|(level, nodes)| {
            let width = parameters.m * if level == 0 { 2 } else { 1 };
            Links::new(*nodes, width.min(WIDTH_MAX))
        });
        let mut graph = Graph {
            backend: Backend::best(),
            codes,
            // Rows of length 1 are ordered by their distance as by their angle, and codes have an offset.
            metric: match metric {
                Metric::Cosine => Metric::L2,
                metric => metric,
            },
            ef: parameters.ef_construction,
            levels: levels.collect::<Result<_, _>>()?,
        };
        let all = nodes[0];
        let mut done = 1;
        while done < all {
            let batch = done.min(all.div_ceil(BATCHES)).min(all - done);
            graph.insert(done as u32..(done + batch) as u32, progress)?;
            done += batch;
        }
        progress.report(all as u64, all as u64);
        Ok(graph)
    }
}
