// SPDX-License-Identifier: MIT OR Apache-2.0
//! The scan in AVX2: a register holds a pair's codes for the 32 rows of a group.

use std::arch::x86_64::*;

super::simd::instance! {
    features: "avx2",
    register: __m256i,
    pairs: 1,
    zero: _mm256_setzero_si256,
    bytes: _mm256_set1_epi8,
    and: _mm256_and_si256,
    look_up: _mm256_shuffle_epi8,
    add_words: _mm256_add_epi16,
    shift_words_right: _mm256_srli_epi16,
}

/// The two tables for a pair: the first is for the lower four bits, the second for the upper four.
type Step = [Table; 2];

/// Calls `scan` with the tables as they are.
#[inline]
#[target_feature(enable = "avx2")]
fn with_steps(tables: &[Table], scan: impl FnOnce(&[Step])) {
    scan(tables.as_chunks().0);
}

/// Loads each table twice, into both halves of a register.
#[inline]
#[target_feature(enable = "avx2")]
fn tables(step: &Step) -> [__m256i; 2] {
    let [low, high] = *step;
    [
        _mm256_broadcastsi128_si256(bytemuck::cast(low)),
        _mm256_broadcastsi128_si256(bytemuck::cast(high)),
    ]
}

/// Returns the sums of the even and of the odd rows.
#[inline]
#[target_feature(enable = "avx2")]
fn split([[words], [odd]]: Added) -> [__m256i; 2] {
    even_and_odd(words, odd)
}

/// Takes 256 times the sums of the odd rows from the words, which leaves the sums of the even rows.
#[inline]
#[target_feature(enable = "avx2")]
pub fn even_and_odd(words: __m256i, odd: __m256i) -> [__m256i; 2] {
    [_mm256_sub_epi16(words, _mm256_slli_epi16::<8>(odd)), odd]
}

/// Returns a bit for each row whose sum is below the limit, which is not 0.
#[inline]
#[target_feature(enable = "avx2")]
pub fn near(sums: [__m256i; 2], limit: u32) -> u32 {
    let most = _mm256_set1_epi16((limit - 1).min(u16::MAX.into()) as i16);
    let [even, odd] = sums.map(|sums| _mm256_cmpeq_epi16(_mm256_min_epu16(sums, most), sums));
    let low_bytes = _mm256_set1_epi16(0x00ff);
    _mm256_movemask_epi8(_mm256_blendv_epi8(odd, even, low_bytes)) as u32
}
