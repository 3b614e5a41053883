// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sixteen lanes in two registers of eight.

use std::arch::x86_64::*;

use super::{Step, simd};
use crate::anns::topk::TopK;

type Lanes = [__m256; 2];

#[target_feature(enable = "avx2")]
pub fn scan(query: &[Step], rows: &[Step], nearest: &mut TopK) {
    simd::scan(query.len(), rows, nearest, |rows| {
        simd::sums([_mm256_setzero_ps(); 2], query, rows, |sums, q, x| {
            add_squares(sums, q, x)
        })
        .map(|[low, high]| fold(_mm256_add_ps(low, high)))
    });
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_squares(sums: Lanes, q: &Step, x: &Step) -> Lanes {
    let (q, x): (Lanes, Lanes) = (bytemuck::cast(*q), bytemuck::cast(*x));
    std::array::from_fn(|j| {
        let d = _mm256_sub_ps(q[j], x[j]);
        _mm256_add_ps(sums[j], _mm256_mul_ps(d, d))
    })
}

/// From `t` of the reduction tree to `u`.
#[inline]
#[target_feature(enable = "avx2")]
pub fn fold(t: __m256) -> __m128 {
    _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps::<1>(t))
}
