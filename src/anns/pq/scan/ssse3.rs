// SPDX-License-Identifier: MIT OR Apache-2.0
//! The scan in SSSE3: a register holds a pair's codes for 16 rows, two registers for the 32 rows of a group.

use std::arch::x86_64::*;

super::simd::instance! {
    features: "ssse3",
    register: __m128i,
    pairs: 1,
    zero: _mm_setzero_si128,
    bytes: _mm_set1_epi8,
    and: _mm_and_si128,
    look_up: _mm_shuffle_epi8,
    add_words: _mm_add_epi16,
    shift_words_right: _mm_srli_epi16,
}

/// The two tables for a pair: the first is for the lower four bits, the second for the upper four.
type Step = [Table; 2];

/// Calls `scan` with the tables as they are.
#[inline]
#[target_feature(enable = "ssse3")]
fn with_steps(tables: &[Table], scan: impl FnOnce(&[Step])) {
    scan(tables.as_chunks().0);
}

#[inline]
#[target_feature(enable = "ssse3")]
fn tables(step: &Step) -> [__m128i; 2] {
    bytemuck::cast(*step)
}

/// Returns the sums of the even and of the odd rows, register by register.
#[inline]
#[target_feature(enable = "ssse3")]
fn split([words, odd]: Added) -> Added {
    let even = |half: usize| _mm_sub_epi16(words[half], _mm_slli_epi16::<8>(odd[half]));
    [[even(0), even(1)], odd]
}

/// Returns a bit for each row whose sum is below the limit, which is not 0.
#[inline]
#[target_feature(enable = "ssse3")]
fn near([even, odd]: Added, limit: u32) -> u32 {
    let most = _mm_set1_epi16((limit - 1).min(u16::MAX.into()) as i16);
    // SSSE3 compares no unsigned words. A saturating subtraction leaves nothing of a sum that is not above `most`.
    let below = |sums| _mm_cmpeq_epi16(_mm_subs_epu16(sums, most), _mm_setzero_si128());
    let low_bytes = _mm_set1_epi16(0x00ff);
    let near = |half: usize| {
        let even = _mm_and_si128(low_bytes, below(even[half]));
        let odd = _mm_andnot_si128(low_bytes, below(odd[half]));
        _mm_movemask_epi8(_mm_or_si128(even, odd)) as u32
    };
    near(0) | near(1) << 16
}
