// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code distances in AVX2: a register holds sixteen codes, as 16-bit integers.

use std::arch::x86_64::*;

super::simd::instance! {
    features: "avx2",
    register: __m256i,
    narrow: __m128i,
    zero: _mm256_setzero_si256,
    add: _mm256_add_epi32,
    subtract: _mm256_sub_epi16,
    multiply_and_add_pairs: _mm256_madd_epi16,
}

/// Widens codes to 16-bit integers.
#[inline]
#[target_feature(enable = "avx2")]
fn widened(codes: __m128i) -> [__m256i; EACH] {
    [_mm256_cvtepi8_epi16(codes)]
}

/// Sums up the elements of each of four registers.
#[inline]
#[target_feature(enable = "avx2")]
pub fn folded([a, b, c, d]: [__m256i; 4]) -> __m128i {
    let halves = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    _mm_add_epi32(
        _mm256_castsi256_si128(halves),
        _mm256_extracti128_si256::<1>(halves),
    )
}
