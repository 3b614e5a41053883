// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference: `docs/arithmetic.md`, word for word.

use super::{LANES, Step};
use crate::anns::candidate;
use crate::anns::topk::TopK;

pub fn scan(query: &[Step], rows: &[Step], nearest: &mut TopK) {
    for (row, steps) in (0..).zip(rows.chunks_exact(query.len())) {
        nearest.offer(candidate(squared_l2(query, steps), row));
    }
}

fn squared_l2(query: &[Step], row: &[Step]) -> f32 {
    let mut s = [0f32; LANES];
    for (q, x) in query.iter().zip(row) {
        for j in 0..LANES {
            let d = q[j] - x[j];
            s[j] += d * d;
        }
    }
    let t: [f32; 8] = std::array::from_fn(|j| s[j] + s[j + 8]);
    let u: [f32; 4] = std::array::from_fn(|j| t[j] + t[j + 4]);
    let v: [f32; 2] = std::array::from_fn(|j| u[j] + u[j + 2]);
    v[0] + v[1]
}
