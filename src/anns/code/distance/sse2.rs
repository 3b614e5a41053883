// SPDX-License-Identifier: MIT OR Apache-2.0
//! Eight codes, as 16-bit integers, in a register.

use std::arch::x86_64::*;

use super::operands::{Query, Step, Wide};
use super::simd::instance;

instance!("sse2", _mm_setzero_si128);

#[inline]
#[target_feature(enable = "sse2")]
fn add<const PRODUCTS: bool>(sums: __m128i, q: &Wide, x: &Step) -> __m128i {
    let (q, x): ([[__m128i; 2]; 2], [__m128i; 2]) = (bytemuck::cast(q.0), bytemuck::cast(*x));
    let mut sums = sums;
    for j in 0..2 {
        let wide = [
            _mm_srai_epi16::<8>(_mm_unpacklo_epi8(x[j], x[j])),
            _mm_srai_epi16::<8>(_mm_unpackhi_epi8(x[j], x[j])),
        ];
        for (q, x) in q[j].into_iter().zip(wide) {
            let terms = if PRODUCTS {
                _mm_madd_epi16(q, x)
            } else {
                let d = _mm_sub_epi16(q, x);
                _mm_madd_epi16(d, d)
            };
            sums = _mm_add_epi32(sums, terms);
        }
    }
    sums
}

/// The sums of the elements of four registers.
#[inline]
#[target_feature(enable = "sse2")]
fn folded([a, b, c, d]: [__m128i; 4]) -> __m128i {
    let ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
    let cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
    _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd))
}
