// SPDX-License-Identifier: MIT OR Apache-2.0
//! Eight codes, as 16-bit integers, in a register.

use std::arch::x86_64::*;
use std::ops::Range;

use super::simd::{self, Four};
use super::{Codes, Query, Step, Wide};
use crate::anns::topk::TopK;

#[target_feature(enable = "sse2")]
pub fn gather<const PRODUCTS: bool>(query: &Query, codes: Codes, nodes: &[u32], out: &mut [u32]) {
    simd::gather::<PRODUCTS>(codes, nodes, out, |four, count| {
        sums::<PRODUCTS>(query, four, count)
    });
}

#[target_feature(enable = "sse2")]
pub fn scan<const PRODUCTS: bool>(
    query: &Query,
    codes: Codes,
    nodes: Range<u32>,
    nearest: &mut TopK,
) {
    simd::scan::<PRODUCTS>(codes, nodes, nearest, |four, count| {
        sums::<PRODUCTS>(query, four, count)
    });
}

#[inline]
#[target_feature(enable = "sse2")]
fn sums<const PRODUCTS: bool>(query: &Query, four: Four, count: usize) -> __m128i {
    let zero = _mm_setzero_si128();
    let add = |sums, q: &_, x: &_| add::<PRODUCTS>(sums, q, x);
    let [a, b, ..] = four;
    folded(match count {
        1 => {
            let [a] = simd::sums(zero, query, [a], add);
            [a, zero, zero, zero]
        }
        2 => {
            let [a, b] = simd::sums(zero, query, [a, b], add);
            [a, b, zero, zero]
        }
        _ => simd::sums(zero, query, four, add),
    })
}

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
