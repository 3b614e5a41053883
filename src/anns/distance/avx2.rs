// SPDX-License-Identifier: MIT OR Apache-2.0
//! The distances in AVX2: sixteen lanes in two registers of eight.

use std::arch::x86_64::*;

super::simd::instance! {
    features: "avx2",
    register: __m256,
    passes: [0],
    zero: _mm256_setzero_ps,
    add: _mm256_add_ps,
    subtract: _mm256_sub_ps,
    multiply: _mm256_mul_ps,
}

/// Computes `u` of the reduction tree.
#[inline]
#[target_feature(enable = "avx2")]
fn fold([[low, high]]: [Sums; PASSES]) -> __m128 {
    halved(_mm256_add_ps(low, high))
}

/// Computes `u` of the reduction tree from `t`.
#[inline]
#[target_feature(enable = "avx2")]
pub fn halved(t: __m256) -> __m128 {
    _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps::<1>(t))
}
