// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a walk compares a query with: the codes of the nodes, or their rows (`docs/search.md`).

use std::iter::zip;

use super::graph::WIDTH_MAX;
use crate::anns::Metric;
use crate::anns::code::{self, Codes};
use crate::anns::distance::{self, Backend, Rows};
use crate::anns::key;

/// The nodes of a graph, as a walk sees them.
#[derive(Clone, Copy)]
pub enum Space<'a> {
    Codes(Codes<'a>),
    Rows {
        rows: Rows<'a>,
        /// The row of each node.
        row_of: &'a [u32],
    },
}

/// What nodes are compared with.
#[derive(Clone, Copy)]
pub enum Query<'a> {
    Codes(&'a code::Query),
    Row(distance::Query<'a>),
}

/// The base of the code distances of inner products, which lie around 2^31: up to dimension 4,000, each lies within
/// 2^28 above this.
const PRODUCTS: u32 = (1 << 31) - (1 << 27);

/// `order(0) >> 1`
const ZERO: u32 = 1 << 30;

/// Who walks, what for, and where.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    pub backend: Backend,
    pub space: Space<'a>,
    pub query: Query<'a>,
    /// A node that the walk passes by as if it were not there, or `NONE`.
    pub hidden: u32,
}

impl Walk<'_> {
    /// Writes the distance between the query and each of at most [`WIDTH_MAX`] nodes to `out`, in their order.
    #[inline(always)]
    pub fn gather(&self, nodes: &[u32], out: &mut [u32]) {
        self.space.gather(self.backend, self.query, nodes, out);
    }

    /// Returns the key of a node, `distance << 32 | node`.
    pub fn key(&self, node: u32) -> u64 {
        let mut distance = [0];
        self.gather(&[node], &mut distance);
        key(distance[0], node)
    }

    /// Returns a number that no distance is below: distances lie less than 2^31 above it.
    pub fn base(&self) -> u32 {
        match self.query {
            Query::Codes(query) if query.sums_products() => PRODUCTS,
            _ => 0,
        }
    }
}

impl Space<'_> {
    /// Returns how many nodes there are.
    pub fn len(self) -> usize {
        match self {
            Space::Codes(codes) => codes.len(),
            Space::Rows { row_of, .. } => row_of.len(),
        }
    }

    #[inline(always)]
    fn gather(self, backend: Backend, query: Query, nodes: &[u32], out: &mut [u32]) {
        match (self, query) {
            (Space::Codes(codes), Query::Codes(query)) => {
                backend.code_gather(query, codes, nodes, out);
            }
            (Space::Rows { rows, row_of }, Query::Row(query)) => {
                gather_rows(backend, &query, rows, row_of, nodes, out);
            }
            _ => unreachable!("a query of another space"),
        }
    }

    /// Whether a distance is one between equal vectors, and no other one is smaller.
    pub fn is_zero(self, metric: Metric, distance: u32) -> bool {
        match self {
            Space::Codes(_) => metric == Metric::L2 && distance == 0,
            Space::Rows { .. } => metric != Metric::InnerProduct && distance <= ZERO,
        }
    }
}

/// The walk's distance between vectors is `order(distance) >> 1`: it leaves a bit for a mark.
#[inline(never)]
fn gather_rows(
    backend: Backend,
    query: &distance::Query,
    rows: Rows,
    row_of: &[u32],
    nodes: &[u32],
    out: &mut [u32],
) {
    let mut chosen = [0; WIDTH_MAX];
    let chosen = &mut chosen[..nodes.len()];
    for (row, node) in zip(&mut *chosen, nodes) {
        *row = row_of[*node as usize];
    }
    backend.orders(query, rows, chosen, out);
    out.iter_mut().for_each(|order| *order >>= 1);
}
