// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sixteen lanes in one register.

use std::arch::x86_64::*;

use super::avx2;
use super::operands::Step;
use super::simd::{self, Four, Measure, instance};

instance!("avx512f");

#[inline]
#[target_feature(enable = "avx512f")]
fn folded<M: Measure, const AHEAD: bool>(query: &[Step], four: Four) -> [__m128; 4] {
    simd::sums::<_, AHEAD>(_mm512_setzero_ps(), query, four, |sums, q, x| {
        add::<M>(sums, q, x)
    })
    .map(|sums| fold(sums))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add<M: Measure>(sums: __m512, q: &Step, x: &Step) -> __m512 {
    let (q, x): (__m512, __m512) = (bytemuck::cast(*q), bytemuck::cast(*x));
    let term = if M::PRODUCTS {
        _mm512_mul_ps(q, x)
    } else {
        let d = _mm512_sub_ps(q, x);
        _mm512_mul_ps(d, d)
    };
    _mm512_add_ps(sums, term)
}

/// `u` of the reduction tree.
#[inline]
#[target_feature(enable = "avx512f")]
fn fold(s: __m512) -> __m128 {
    // AVX-512F moves the upper half as integers or doubles only.
    let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(s)));
    avx2::fold(_mm256_add_ps(_mm512_castps512_ps256(s), high))
}
