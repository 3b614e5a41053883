// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference of code distances: `docs/search.md`, word for word.

use std::iter::zip;
use std::ops::Range;

use super::operands::{Codes, MIDDLE, Query};
use crate::anns::key;
use crate::anns::topk::TopK;

pub fn gather(query: &Query, codes: Codes, nodes: &[u32], out: &mut [u32]) {
    for (node, out) in zip(nodes, out) {
        *out = distance(query, codes, *node);
    }
}

pub fn scan(query: &Query, codes: Codes, nodes: Range<u32>, nearest: &mut TopK) {
    for node in nodes {
        nearest.offer(key(distance(query, codes, node), node));
    }
}

fn distance(query: &Query, codes: Codes, node: u32) -> u32 {
    let pairs = zip(&query.wide, codes.of(node))
        .flat_map(|(q, x)| zip(q.0, x))
        .map(|(q, x)| (i32::from(q), i32::from(*x)));
    if query.products {
        MIDDLE.wrapping_add_signed(-pairs.map(|(q, x)| q * x).sum::<i32>())
    } else {
        pairs.map(|(q, x)| (q - x) * (q - x)).sum::<i32>() as u32
    }
}
