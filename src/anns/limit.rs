// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares four candidates at a time with the limit from which on none is kept. Hardly any candidate is below it.

use std::arch::x86_64::*;
use std::iter::zip;

use super::key;
use super::topk::TopK;

const SIGN: u32 = 1 << 31;

/// Turns four unsigned integers into signed ones that order alike: SSE2 compares signed integers only.
#[inline(always)]
pub fn signed(unsigned: __m128i) -> __m128i {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { _mm_xor_si128(unsigned, _mm_set1_epi32(SIGN as i32)) }
}

/// The signed order from which on no candidate is kept, four times.
#[derive(Clone, Copy)]
pub struct Limit(__m128i);

impl Limit {
    #[inline(always)]
    pub fn of(nearest: &TopK) -> Self {
        // The limit is one more than the last order that is kept: a candidate of that order may have a smaller number.
        let above = ((nearest.limit() >> 32) as u32).saturating_add(1);
        // SAFETY: SSE2 is part of x86-64.
        Limit(unsafe { _mm_set1_epi32((above ^ SIGN) as i32) })
    }

    #[inline(always)]
    pub fn is_above_any(self, signed: __m128i) -> bool {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let near = _mm_cmpgt_epi32(self.0, signed);
            _mm_movemask_ps(_mm_castsi128_ps(near)) != 0
        }
    }
}

/// Offers the first `count` of four candidates to `nearest`.
#[cold]
pub fn offer(nearest: &mut TopK, rows: [u32; 4], signed: __m128i, count: usize) {
    let orders: [u32; 4] = bytemuck::cast(signed);
    for (row, signed) in zip(rows, orders).take(count) {
        nearest.offer(key(signed ^ SIGN, row));
    }
}
