// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sixteen lanes in one register.

use std::arch::x86_64::*;

use super::{Step, avx2, simd};
use crate::anns::topk::TopK;

#[target_feature(enable = "avx512f")]
pub fn scan(query: &[Step], rows: &[Step], nearest: &mut TopK) {
    simd::scan(query.len(), rows, nearest, |rows| {
        simd::sums(_mm512_setzero_ps(), query, rows, |sums, q, x| {
            add_squares(sums, q, x)
        })
        .map(|sums| fold(sums))
    });
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add_squares(sums: __m512, q: &Step, x: &Step) -> __m512 {
    let d = _mm512_sub_ps(bytemuck::cast(*q), bytemuck::cast(*x));
    _mm512_add_ps(sums, _mm512_mul_ps(d, d))
}

/// `u` of the reduction tree.
#[inline]
#[target_feature(enable = "avx512f")]
fn fold(s: __m512) -> __m128 {
    // AVX-512F moves the upper half as integers or doubles only.
    let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(s)));
    avx2::fold(_mm256_add_ps(_mm512_castps512_ps256(s), high))
}
