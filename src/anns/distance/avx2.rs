// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sixteen lanes in two registers of eight.

use std::arch::x86_64::*;

use super::operands::Step;
use super::simd::{self, Four, Measure, instance};

type Lanes = [__m256; 2];

instance!("avx2");

#[inline]
#[target_feature(enable = "avx2")]
fn folded<M: Measure, const AHEAD: bool>(query: &[Step], four: Four) -> [__m128; 4] {
    simd::sums::<_, AHEAD>([_mm256_setzero_ps(); 2], query, four, |sums, q, x| {
        add::<M>(sums, q, x)
    })
    .map(|[low, high]| fold(_mm256_add_ps(low, high)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn add<M: Measure>(sums: Lanes, q: &Step, x: &Step) -> Lanes {
    let (q, x): (Lanes, Lanes) = (bytemuck::cast(*q), bytemuck::cast(*x));
    std::array::from_fn(|j| {
        let term = if M::PRODUCTS {
            _mm256_mul_ps(q[j], x[j])
        } else {
            let d = _mm256_sub_ps(q[j], x[j]);
            _mm256_mul_ps(d, d)
        };
        _mm256_add_ps(sums[j], term)
    })
}

/// From `t` of the reduction tree to `u`.
#[inline]
#[target_feature(enable = "avx2")]
pub fn fold(t: __m256) -> __m128 {
    _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps::<1>(t))
}
