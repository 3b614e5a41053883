// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sixteen codes, as 16-bit integers, in a register.

use std::arch::x86_64::*;

use super::operands::{Query, Step, Wide};
use super::simd::instance;

instance!("avx2", _mm256_setzero_si256);

#[inline]
#[target_feature(enable = "avx2")]
fn add<const PRODUCTS: bool>(sums: __m256i, q: &Wide, x: &Step) -> __m256i {
    let (q, x): ([__m256i; 2], [__m128i; 2]) = (bytemuck::cast(q.0), bytemuck::cast(*x));
    let mut sums = sums;
    for j in 0..2 {
        let x = _mm256_cvtepi8_epi16(x[j]);
        let terms = if PRODUCTS {
            _mm256_madd_epi16(q[j], x)
        } else {
            let d = _mm256_sub_epi16(q[j], x);
            _mm256_madd_epi16(d, d)
        };
        sums = _mm256_add_epi32(sums, terms);
    }
    sums
}

/// The sums of the elements of four registers.
#[inline]
#[target_feature(enable = "avx2")]
pub fn folded([a, b, c, d]: [__m256i; 4]) -> __m128i {
    let halves = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    _mm_add_epi32(
        _mm256_castsi256_si128(halves),
        _mm256_extracti128_si256::<1>(halves),
    )
}
