// SPDX-License-Identifier: MIT OR Apache-2.0
//! The graph while it is built.

use crate::anns::Metric;
use crate::anns::code::Codes;
use crate::anns::distance::Backend;
use crate::anns::file::{Bytes, NONE, OutOfMemory};
use crate::anns::hnsw::graph::Level;

/// A graph that is being built: the codes of its nodes, and the links between them.
pub struct Graph<'a> {
    pub backend: Backend,
    pub codes: Codes<'a>,
    /// The metric by which the codes of two rows are compared.
    pub metric: Metric,
    pub ef: usize,
    /// The links of each level, beginning with level 0.
    pub levels: Vec<Links>,
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
