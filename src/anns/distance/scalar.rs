// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference: `docs/arithmetic.md`, word for word.

use super::LANES;

pub fn squared_l2(query: &[[f32; LANES]], rows: &[[f32; LANES]], distances: &mut [f32]) {
    for (distance, row) in distances.iter_mut().zip(rows.chunks_exact(query.len())) {
        *distance = one(query, row);
    }
}

fn one(query: &[[f32; LANES]], row: &[[f32; LANES]]) -> f32 {
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
