// SPDX-License-Identifier: MIT OR Apache-2.0
//! The distances in AVX-512: sixteen lanes in one register.

use std::arch::x86_64::*;

use super::avx2;

super::simd::instance! {
    features: "avx512f",
    register: __m512,
    passes: [0],
    zero: _mm512_setzero_ps,
    add: _mm512_add_ps,
    subtract: _mm512_sub_ps,
    multiply: _mm512_mul_ps,
}

/// Computes `u` of the reduction tree.
#[inline]
#[target_feature(enable = "avx512f")]
fn fold([[s]]: [Sums; PASSES]) -> __m128 {
    // AVX-512F moves the upper half as integers or doubles only.
    let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(s)));
    avx2::halved(_mm256_add_ps(_mm512_castps512_ps256(s), high))
}
