// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two pairs of a group in a register.

use std::arch::x86_64::*;

use super::avx2;
use super::group::{GROUP, Pair, Table, offer};
use crate::anns::pq::smallest::Smallest;

/// The tables for two pairs, each twice: those for the lower four bits, then those for the upper ones.
type Step = [[[Table; 2]; 2]; 2];

/// For each pair half, the sums of the even rows, with 256 times those of the odd ones added, and of the odd rows.
type Sums = [__m512i; 2];

#[target_feature(enable = "avx512bw")]
pub fn scan(codes: &[Pair], tables: &[Table], rows: usize, smallest: &mut Smallest) {
    let pairs = tables.len() / 2;
    let mut steps = [[[[[0; 16]; 2]; 2]; 2]; 64];
    for (step, tables) in steps.iter_mut().zip(tables.chunks(4)) {
        for (i, table) in tables.iter().enumerate() {
            step[i % 2][i / 2] = [*table; 2];
        }
    }
    let steps = &steps[..pairs.div_ceil(2)];
    let half = pairs / 4;
    for (group, first) in codes.chunks_exact(pairs).zip((0..).step_by(GROUP)) {
        if smallest.limit() == 0 {
            return;
        }
        let (two, one) = group.as_chunks();
        let sums = add([_mm512_setzero_si512(); 2], &two[..half], &steps[..half]);
        // Sums only grow.
        if avx2::near(fold(sums), smallest.limit()) == 0 {
            continue;
        }
        let mut sums = add(sums, &two[half..], &steps[half..]);
        if let [last] = one {
            // The missing pair has tables of zeros.
            sums = add(sums, &[[*last; 2]], &steps[steps.len() - 1..]);
        }
        let sums = fold(sums);
        let near = avx2::near(sums, smallest.limit());
        if near != 0 {
            let sums: [[u16; 16]; 2] = bytemuck::cast(sums);
            offer(smallest, first, rows, near, |row| sums[row % 2][row / 2]);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512bw")]
fn add([mut words, mut odd]: Sums, group: &[[Pair; 2]], steps: &[Step]) -> Sums {
    let four_bits = _mm512_set1_epi8(15);
    for (pairs, [low, high]) in group.iter().zip(steps) {
        let codes: __m512i = bytemuck::cast(*pairs);
        let low = _mm512_shuffle_epi8(bytemuck::cast(*low), _mm512_and_si512(codes, four_bits));
        let high = _mm512_shuffle_epi8(
            bytemuck::cast(*high),
            _mm512_and_si512(_mm512_srli_epi16::<4>(codes), four_bits),
        );
        words = _mm512_add_epi16(words, _mm512_add_epi16(low, high));
        odd = _mm512_add_epi16(
            odd,
            _mm512_add_epi16(_mm512_srli_epi16::<8>(low), _mm512_srli_epi16::<8>(high)),
        );
    }
    [words, odd]
}

/// The sums of the even and of the odd rows over both pairs.
#[inline]
#[target_feature(enable = "avx512bw")]
fn fold(sums: Sums) -> [__m256i; 2] {
    avx2::split(sums.map(|sums| {
        _mm256_add_epi16(
            _mm512_castsi512_si256(sums),
            _mm512_extracti64x4_epi64::<1>(sums),
        )
    }))
}
