// SPDX-License-Identifier: MIT OR Apache-2.0
//! The distances in SSE2: sixteen lanes in four registers of four. SSE2 has registers for half the lanes of four rows,
//! so there are two passes.

use std::arch::x86_64::*;

super::simd::instance! {
    features: "sse2",
    register: __m128,
    passes: [0, 1],
    zero: _mm_setzero_ps,
    add: _mm_add_ps,
    subtract: _mm_sub_ps,
    multiply: _mm_mul_ps,
}

/// Computes `u` of the reduction tree.
#[inline]
#[target_feature(enable = "sse2")]
fn fold([[s0, s2], [s1, s3]]: [Sums; PASSES]) -> __m128 {
    _mm_add_ps(_mm_add_ps(s0, s2), _mm_add_ps(s1, s3))
}
