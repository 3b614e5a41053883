// SPDX-License-Identifier: MIT OR Apache-2.0
//! Thirty-two codes, as 16-bit integers, in a register.

use std::arch::x86_64::*;

use super::avx2;
use super::operands::{Query, Step, Wide};
use super::simd::instance;

instance!("avx512f,avx512bw", _mm512_setzero_si512);

/// The sums of the elements of four registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn folded(sums: [__m512i; 4]) -> __m128i {
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
