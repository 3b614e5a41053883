// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sixteen rows in a register.

use std::arch::x86_64::*;

use super::group::{GROUP, Pair, Table, offer};
use crate::anns::pq::smallest::Smallest;

#[target_feature(enable = "ssse3")]
pub fn scan(codes: &[Pair], tables: &[Table], rows: usize, smallest: &mut Smallest) {
    let pairs = tables.len() / 2;
    for (group, first) in codes.chunks_exact(pairs).zip((0..).step_by(GROUP)) {
        if smallest.limit() == 0 {
            return;
        }
        // Saturating: sums are below the limit if nothing is left of them.
        let most = _mm_set1_epi16((smallest.limit() - 1).min(u16::MAX.into()) as i16);
        for half in 0..2 {
            let [even, odd] = sums(group, tables, half);
            let near = [even, odd]
                .map(|sums| _mm_cmpeq_epi16(_mm_subs_epu16(sums, most), _mm_setzero_si128()));
            let near = _mm_or_si128(
                _mm_and_si128(near[0], _mm_set1_epi16(0x00ff)),
                _mm_andnot_si128(_mm_set1_epi16(0x00ff), near[1]),
            );
            let near = _mm_movemask_epi8(near) as u32;
            let first = first + 16 * half;
            if near != 0 && first < rows {
                let sums: [[u16; 8]; 2] = bytemuck::cast([even, odd]);
                offer(smallest, first, rows, near, |row| sums[row % 2][row / 2]);
            }
        }
    }
}

/// The sums of the even and of the odd rows of one half of a group.
#[inline]
#[target_feature(enable = "ssse3")]
fn sums(group: &[Pair], tables: &[Table], half: usize) -> [__m128i; 2] {
    let four_bits = _mm_set1_epi8(15);
    let (mut words, mut odd) = (_mm_setzero_si128(), _mm_setzero_si128());
    for (pair, [low, high]) in group.iter().zip(tables.as_chunks().0) {
        let codes: __m128i = bytemuck::cast(pair.as_chunks::<16>().0[half]);
        let low = _mm_shuffle_epi8(bytemuck::cast(*low), _mm_and_si128(codes, four_bits));
        let high = _mm_shuffle_epi8(
            bytemuck::cast(*high),
            _mm_and_si128(_mm_srli_epi16::<4>(codes), four_bits),
        );
        words = _mm_add_epi16(words, _mm_add_epi16(low, high));
        odd = _mm_add_epi16(
            odd,
            _mm_add_epi16(_mm_srli_epi16::<8>(low), _mm_srli_epi16::<8>(high)),
        );
    }
    // Each word also has 256 times the odd row in it.
    [_mm_sub_epi16(words, _mm_slli_epi16::<8>(odd)), odd]
}
