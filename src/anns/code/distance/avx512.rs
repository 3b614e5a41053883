// SPDX-License-Identifier: MIT OR Apache-2.0
//! Thirty-two codes, as 16-bit integers, in a register.

use std::arch::x86_64::*;
use std::ops::Range;

use super::simd::{self, Four};
use super::{Codes, Query, Step, Wide, avx2};
use crate::anns::topk::TopK;

#[target_feature(enable = "avx512f,avx512bw")]
pub fn gather<const PRODUCTS: bool>(query: &Query, codes: Codes, nodes: &[u32], out: &mut [u32]) {
    simd::gather::<PRODUCTS>(codes, nodes, out, |four, count| {
        sums::<PRODUCTS>(query, four, count)
    });
}

#[target_feature(enable = "avx512f,avx512bw")]
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
#[target_feature(enable = "avx512f,avx512bw")]
fn sums<const PRODUCTS: bool>(query: &Query, four: Four, count: usize) -> __m128i {
    let zero = _mm512_setzero_si512();
    let add = |sums, q: &_, x: &_| add::<PRODUCTS>(sums, q, x);
    let [a, b, ..] = four;
    let sums = match count {
        1 => {
            let [a] = simd::sums(zero, query, [a], add);
            [a, zero, zero, zero]
        }
        2 => {
            let [a, b] = simd::sums(zero, query, [a, b], add);
            [a, b, zero, zero]
        }
        _ => simd::sums(zero, query, four, add),
    };
    let [a, b, c, d] = sums;
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

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add<const PRODUCTS: bool>(sums: __m512i, q: &Wide, x: &Step) -> __m512i {
    let (q, x): (__m512i, __m256i) = (bytemuck::cast(q.0), bytemuck::cast(*x));
    let x = _mm512_cvtepi8_epi16(x);
    let terms = if PRODUCTS {
        _mm512_madd_epi16(q, x)
    } else {
        let d = _mm512_sub_epi16(q, x);
        _mm512_madd_epi16(d, d)
    };
    _mm512_add_epi32(sums, terms)
}
