// SPDX-License-Identifier: MIT OR Apache-2.0
//! The levels of nodes, and their numbers while the graph is built and in the file.

use rand_core::Rng;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::graph::Graph;
use crate::anns::code;
use crate::anns::hnsw::{LEVELS_MAX, beam};

pub struct Order {
    /// The row of each node, in the order of insertion. Nodes of a higher level come first.
    pub rows: Vec<u32>,
    /// The number that each of them has drawn.
    drawn: Vec<u64>,
}

impl Order {
    /// Draws a number for each row. Rows with smaller numbers are inserted first.
    pub fn of(rows: usize, seed: u64) -> Self {
        let mut drawn: Vec<(u64, u32)> = draw(rows, seed).zip(0..).collect();
        drawn.par_sort_unstable();
        let (drawn, rows) = drawn.into_iter().unzip();
        Order { rows, drawn }
    }

    /// Leaves out the nodes for which `keep` is false.
    pub fn keep(&mut self, keep: &[bool]) {
        retain(&mut self.rows, keep);
        retain(&mut self.drawn, keep);
    }

    /// Returns how many nodes each level has, beginning with level 0. Nodes with a number below 2^64 / M^l are on level
    /// l.
    pub fn levels(&self, m: usize) -> Vec<usize> {
        let mut nodes = vec![self.rows.len()];
        let mut limit: u128 = 1 << 64;
        while nodes.len() < LEVELS_MAX {
            limit /= m as u128;
            let on_level = self
                .drawn
                .partition_point(|drawn| u128::from(*drawn) < limit);
            // The entry point alone needs no level.
            if on_level < 2 {
                break;
            }
            nodes.push(on_level);
        }
        nodes
    }
}

/// The numbers of rows, beginning with row 0.
fn draw(rows: usize, seed: u64) -> impl Iterator<Item = u64> {
    let mut random = Pcg64::new(u128::from(seed), 0);
    (0..rows).map(move |_| random.next_u64())
}

fn retain<T>(of: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    of.retain(|_| *keep.next().expect("a mark for each node"));
}

/// Returns the highest level that each of `rows` rows from `first` on has drawn.
pub fn levels_of(first: usize, rows: usize, seed: u64, m: usize) -> Vec<usize> {
    let drawn = draw(rows, seed);
    let level = |drawn: u64| {
        let mut limit: u128 = 1 << 64;
        let mut level = 0;
        while level + 1 < LEVELS_MAX {
            limit /= m as u128;
            if u128::from(drawn) >= limit {
                break;
            }
            level += 1;
        }
        level
    };
    drawn.skip(first).map(level).collect()
}

/// Returns the nodes in the order of their numbers in the file. Nodes of a higher level still come first, but
/// neighbours lie near each other, so that a search stays in few pages of memory.
pub fn file_order(graph: &Graph) -> Vec<u32> {
    let mut order: Vec<u32> = Vec::with_capacity(graph.nodes.space.len());
    // The place of each node in `order`.
    let mut placed: Vec<u32> = vec![0; graph.nodes.space.len()];
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
    /// Returns the key of the node above `level` where a search for `node` enters the level.
    fn nearest_above(&self, level: usize, node: u32) -> u64 {
        let mut codes = code::Query::default();
        let walk = self.walk(node, &mut codes);
        self.levels[level + 1..]
            .iter()
            .rev()
            .fold(walk.key(0), |current, links| {
                beam::descend(walk, links.level(), current)
            })
    }
}
