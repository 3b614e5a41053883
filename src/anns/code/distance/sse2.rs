// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code distances in SSE2: a register holds eight codes, as 16-bit integers.

use std::arch::x86_64::*;

super::simd::instance! {
    features: "sse2",
    register: __m128i,
    narrow: __m128i,
    zero: _mm_setzero_si128,
    add: _mm_add_epi32,
    subtract: _mm_sub_epi16,
    multiply_and_add_pairs: _mm_madd_epi16,
}

/// Widens codes to 16-bit integers. SSE2 has no instruction for it, so each code becomes the upper half of an integer
/// that is then shifted.
#[inline]
#[target_feature(enable = "sse2")]
fn widened(codes: __m128i) -> [__m128i; EACH] {
    [
        _mm_srai_epi16::<8>(_mm_unpacklo_epi8(codes, codes)),
        _mm_srai_epi16::<8>(_mm_unpackhi_epi8(codes, codes)),
    ]
}

/// Sums up the elements of each of four registers.
#[inline]
#[target_feature(enable = "sse2")]
fn folded([a, b, c, d]: [__m128i; 4]) -> __m128i {
    let ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    let cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
    _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd))
}
