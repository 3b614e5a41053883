// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference of the distances: `docs/arithmetic.md`, word for word.

use super::operands::{Query, Rows, Step};
use crate::anns::topk::TopK;
use crate::anns::{Metric, key, order};
use crate::dataset::length::LANES;

pub fn scan(metric: Metric, query: &Query, rows: Rows, number: u32, nearest: &mut TopK) {
    for row in 0..rows.steps.len() / query.steps.len() {
        let distance = distance(metric, query, rows, row);
        nearest.offer(key(order(distance), number + row as u32));
    }
}

pub fn gather(metric: Metric, query: &Query, rows: Rows, chosen: &[u32], nearest: &mut TopK) {
    for &row in chosen {
        nearest.offer(key(order(distance(metric, query, rows, row as usize)), row));
    }
}

pub fn orders(metric: Metric, query: &Query, rows: Rows, chosen: &[u32], out: &mut [u32]) {
    for (out, row) in out.iter_mut().zip(chosen) {
        *out = order(distance(metric, query, rows, *row as usize));
    }
}

pub fn dots(query: &Query, rows: Rows, dots: &mut [f32]) {
    for (product, x) in dots.iter_mut().zip(rows.steps.chunks(query.steps.len())) {
        *product = dot(query.steps, x);
    }
}

fn distance(metric: Metric, query: &Query, rows: Rows, row: usize) -> f32 {
    let x = rows.row(row, query.steps.len());
    let distance = match metric {
        Metric::L2 => sum(query.steps, x, |q, x| (q - x) * (q - x)),
        Metric::InnerProduct => 0.0 - dot(query.steps, x),
        Metric::Cosine => 1.0 - (dot(query.steps, x) * query.inverse) * rows.inverse(row),
    };
    if distance.is_nan() {
        f32::INFINITY
    } else {
        distance
    }
}

fn dot(query: &[Step], row: &[Step]) -> f32 {
    sum(query, row, |q, x| q * x)
}

fn sum(query: &[Step], row: &[Step], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut s = [0f32; LANES];
    for (q, x) in query.iter().zip(row) {
        for j in 0..LANES {
            s[j] += term(q[j], x[j]);
        }
    }
    let t: [f32; 8] = std::array::from_fn(|j| s[j] + s[j + 8]);
    let u: [f32; 4] = std::array::from_fn(|j| t[j] + t[j + 4]);
    let v: [f32; 2] = std::array::from_fn(|j| u[j] + u[j + 2]);
    v[0] + v[1]
}
