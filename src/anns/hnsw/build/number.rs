// SPDX-License-Identifier: MIT OR Apache-2.0
//! The levels of the nodes, and their numbers: while the graph is built, and in the file.

use rand_core::Rng;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::graph::Graph;
use crate::anns::code::Query;
use crate::anns::hnsw::{LEVELS_MAX, beam};

pub struct Order {
    /// The row of each node, in the order of insertion. Nodes of a level come before those that are not on it.
    pub rows: Vec<u32>,
    /// Nodes on each level, 0 first.
    pub nodes: Vec<usize>,
}

/// Draws a number for each row. Those below 2^64 / M^l are on level l, and the smaller are inserted first.
pub fn insertion_order(rows: usize, m: usize, seed: u64) -> Order {
    let mut random = Pcg64::new(u128::from(seed), 0);
    let mut drawn: Vec<(u64, u32)> = (0..rows as u32)
        .map(|row| (random.next_u64(), row))
        .collect();
    drawn.par_sort_unstable();

    let mut nodes = vec![rows];
    let mut limit: u128 = 1 << 64;
    while nodes.len() < LEVELS_MAX {
        limit /= m as u128;
        let on_level = drawn.partition_point(|(drawn, _)| u128::from(*drawn) < limit);
        // The entry point alone needs no level.
        if on_level < 2 {
            break;
        }
        nodes.push(on_level);
    }
    Order {
        rows: drawn.into_iter().map(|(_, row)| row).collect(),
        nodes,
    }
}

/// The nodes in the order of their numbers in the file: those of a level still first, but neighbours near each other, so that
/// a search stays in few pages of memory.
pub fn file_order(graph: &Graph) -> Vec<u32> {
    let mut order: Vec<u32> = Vec::with_capacity(graph.codes.len());
    // By node, the place in `order`.
    let mut placed: Vec<u32> = vec![0; graph.codes.len()];
    for level in (0..graph.levels.len()).rev() {
        let mut group: Vec<(u32, u64)> = (order.len() as u32..graph.levels[level].nodes as u32)
            .into_par_iter()
            .map(|node| {
                let nearest = graph.nearest_above(level, node);
                (
                    placed[nearest as u32 as usize],
                    nearest & !0xffff_ffff | u64::from(node),
                )
            })
            .collect();
        // The entry point stays what it is.
        if order.is_empty() {
            group[0] = (0, 0);
        }
        group.par_sort_unstable();
        for (_, key) in group {
            placed[key as u32 as usize] = order.len() as u32;
            order.push(key as u32);
        }
    }
    order
}

impl Graph<'_> {
    /// The key of a node above `level` that is near `node`: where a search enters the level.
    fn nearest_above(&self, level: usize, node: u32) -> u64 {
        let query = Query::new(self.metric, self.codes.get(node));
        let start = self.backend.code_key(&query, self.codes, 0);
        self.levels[level + 1..]
            .iter()
            .rev()
            .fold(start, |current, links| {
                beam::descend(self.backend, self.codes, links.level(), &query, current)
            })
    }
}
