// SPDX-License-Identifier: MIT OR Apache-2.0
//! The graph while it is built.

use super::tree::Tree;
use crate::anns::Metric;
use crate::anns::code;
use crate::anns::distance::{self, Backend};
use crate::anns::file::{Bytes, NONE, OutOfMemory};
use crate::anns::hnsw::graph::Level;
use crate::anns::hnsw::space::{Query, Space, Walk};
use crate::dataset::Matrix;

/// The nodes of a graph, of which no two are equal.
pub struct Nodes<'a> {
    pub rows: &'a Matrix,
    /// The row of each node.
    pub row_of: &'a [u32],
    pub space: Space<'a>,
    /// The metric by which two nodes are compared.
    pub metric: Metric,
    /// How many places for links each node keeps free on level 0, for rows that are equal to its own.
    pub reserved: Vec<u32>,
}

/// A graph that is being built.
pub struct Graph<'a> {
    pub backend: Backend,
    pub nodes: Nodes<'a>,
    pub ef: usize,
    /// The links of each level, beginning with level 0.
    pub levels: Vec<Links>,
    /// Links of level 0 that stay whatever happens.
    pub tree: Tree,
}

impl Graph<'_> {
    /// Returns the walk to what is near a node. `codes` is memory for it.
    pub fn walk<'q>(&'q self, node: u32, codes: &'q mut code::Query) -> Walk<'q> {
        let nodes = &self.nodes;
        let query = match nodes.space {
            Space::Codes(all) => {
                codes.set(nodes.metric, all.get(node));
                Query::Codes(codes)
            }
            Space::Rows { .. } => {
                let row = nodes.row_of[node as usize] as usize;
                Query::Row(distance::Query::new(
                    nodes.metric,
                    nodes.rows.padded_row(row),
                ))
            }
        };
        Walk {
            backend: self.backend,
            space: nodes.space,
            query,
            hidden: NONE,
        }
    }

    /// Returns how many links a node may have on a level.
    pub fn room(&self, level: usize, node: u32) -> usize {
        match level {
            0 => self.levels[0].width - self.nodes.reserved[node as usize] as usize,
            _ => self.levels[level].width,
        }
    }
}

/// The links of a level, by node.
pub struct Links {
    bytes: Bytes,
    pub width: usize,
    pub nodes: usize,
}

impl Links {
    pub fn new(nodes: usize, width: usize) -> Result<Self, OutOfMemory> {
        let mut bytes = Bytes::zeroed(4 * nodes * width)?;
        bytemuck::cast_slice_mut(&mut bytes).fill(NONE);
        Ok(Links {
            bytes,
            width,
            nodes,
        })
    }

    pub fn level(&self) -> Level<'_> {
        Level::new(bytemuck::cast_slice(&self.bytes), self.width)
    }

    /// Sets the neighbours of a node, which are given by their keys.
    pub fn set(&mut self, node: u32, neighbours: &[u64]) {
        let places: &mut [u32] = bytemuck::cast_slice_mut(&mut self.bytes);
        let places = &mut places[node as usize * self.width..][..self.width];
        places.fill(NONE);
        for (place, key) in places.iter_mut().zip(neighbours) {
            *place = *key as u32;
        }
    }
}
