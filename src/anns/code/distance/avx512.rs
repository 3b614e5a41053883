// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code distances in AVX-512: a register holds thirty-two codes, as 16-bit integers.

use std::arch::x86_64::*;

use super::avx2;

super::simd::instance! {
    features: "avx512f,avx512bw",
    register: __m512i,
    narrow: __m256i,
    zero: _mm512_setzero_si512,
    add: _mm512_add_epi32,
    subtract: _mm512_sub_epi16,
    multiply_and_add_pairs: _mm512_madd_epi16,
}

/// Widens codes to 16-bit integers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn widened(codes: __m256i) -> [__m512i; EACH] {
    [_mm512_cvtepi8_epi16(codes)]
}

/// Sums up the elements of each of four registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub fn folded([a, b, c, d]: [__m512i; 4]) -> __m128i {
    avx2::folded([halved(a), halved(b), halved(c), halved(d)])
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn halved(sums: __m512i) -> __m256i {
    _mm256_add_epi32(
        _mm512_castsi512_si256(sums),
        _mm512_extracti64x4_epi64::<1>(sums),
    )
}
