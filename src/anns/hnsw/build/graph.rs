// SPDX-License-Identifier: MIT OR Apache-2.0
//! The graph while it is built.

use crate::anns::Metric;
use crate::anns::code::Codes;
use crate::anns::distance::Backend;
use crate::anns::file::{Bytes, NONE, OutOfMemory};
use crate::anns::hnsw::graph::Level;

/// Codes, and the links between them.
pub struct Graph<'a> {
    pub backend: Backend,
    pub codes: Codes<'a>,
    /// How codes of rows are compared with each other.
    pub metric: Metric,
    pub ef: usize,
    /// 0 first.
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

    /// Sets the neighbours of a node, given their keys.
    pub fn set(&mut self, node: u32, neighbours: &[u64]) {
        let places: &mut [u32] = bytemuck::cast_slice_mut(&mut self.bytes);
        let places = &mut places[node as usize * self.width..][..self.width];
        places.fill(NONE);
        for (place, key) in places.iter_mut().zip(neighbours) {
            *place = *key as u32;
        }
    }
}
