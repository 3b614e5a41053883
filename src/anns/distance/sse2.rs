// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sixteen lanes in four registers of four.

use std::arch::x86_64::*;

use super::{Step, simd};
use crate::anns::topk::TopK;

type Lanes = [__m128; 2];

#[target_feature(enable = "sse2")]
pub fn scan(query: &[Step], rows: &[Step], nearest: &mut TopK) {
    simd::scan(query.len(), rows, nearest, |rows| {
        // There are registers for half the lanes of four rows.
        let half = |first| {
            simd::sums([_mm_setzero_ps(); 2], query, rows, |sums, q, x| {
                add_squares(sums, first, q, x)
            })
        };
        let (even, odd) = (half(0), half(1));
        std::array::from_fn(|row| fold(even[row], odd[row]))
    });
}

/// Adds to quarters `first` and `first + 2` of the lanes.
#[inline]
#[target_feature(enable = "sse2")]
fn add_squares(sums: Lanes, first: usize, q: &Step, x: &Step) -> Lanes {
    let (q, x): ([__m128; 4], [__m128; 4]) = (bytemuck::cast(*q), bytemuck::cast(*x));
    std::array::from_fn(|j| {
        let d = _mm_sub_ps(q[first + 2 * j], x[first + 2 * j]);
        _mm_add_ps(sums[j], _mm_mul_ps(d, d))
    })
}

/// `u` of the reduction tree.
#[inline]
#[target_feature(enable = "sse2")]
fn fold([s0, s2]: Lanes, [s1, s3]: Lanes) -> __m128 {
    _mm_add_ps(_mm_add_ps(s0, s2), _mm_add_ps(s1, s3))
}
