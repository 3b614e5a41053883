// SPDX-License-Identifier: MIT OR Apache-2.0
//! The scan in AVX-512: a register holds the codes of two pairs for the 32 rows of a group.

use std::arch::x86_64::*;

use super::avx2::{self, near};

super::simd::instance! {
    features: "avx512bw",
    register: __m512i,
    pairs: 2,
    zero: _mm512_setzero_si512,
    bytes: _mm512_set1_epi8,
    and: _mm512_and_si512,
    look_up: _mm512_shuffle_epi8,
    add_words: _mm512_add_epi16,
    shift_words_right: _mm512_srli_epi16,
}

/// The tables for two pairs, each twice: first the tables for the lower four bits, then those for the upper four.
type Step = [[[Table; 2]; 2]; 2];

/// Lays out the tables, with room for the most that there are, and calls `scan` with them. A pair that is missing has
/// tables of zeros.
#[inline]
#[target_feature(enable = "avx512bw")]
fn with_steps(tables: &[Table], scan: impl FnOnce(&[Step])) {
    let mut steps = [[[[[0; 16]; 2]; 2]; 2]; 64];
    for (step, tables) in steps.iter_mut().zip(tables.chunks(4)) {
        for (i, table) in tables.iter().enumerate() {
            step[i % 2][i / 2] = [*table; 2];
        }
    }
    scan(&steps);
}

#[inline]
#[target_feature(enable = "avx512bw")]
fn tables(step: &Step) -> [__m512i; 2] {
    bytemuck::cast(*step)
}

/// Returns the sums of the even and of the odd rows over both pairs.
#[inline]
#[target_feature(enable = "avx512bw")]
fn split([[words], [odd]]: Added) -> [__m256i; 2] {
    avx2::even_and_odd(halved(words), halved(odd))
}

#[inline]
#[target_feature(enable = "avx512bw")]
fn halved(sums: __m512i) -> __m256i {
    _mm256_add_epi16(
        _mm512_castsi512_si256(sums),
        _mm512_extracti64x4_epi64::<1>(sums),
    )
}
