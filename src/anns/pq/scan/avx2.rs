// SPDX-License-Identifier: MIT OR Apache-2.0
//! A group in a register.

use std::arch::x86_64::*;

use super::group::{GROUP, Pair, Table, offer};
use crate::anns::pq::smallest::Smallest;

/// The sums of the even rows, with 256 times those of the odd ones added, and of the odd rows.
type Sums = [__m256i; 2];

#[target_feature(enable = "avx2")]
pub fn scan(codes: &[Pair], tables: &[Table], rows: usize, smallest: &mut Smallest) {
    let pairs = tables.len() / 2;
    let tables = tables.as_chunks().0;
    let half = pairs / 2;
    for (group, first) in codes.chunks_exact(pairs).zip((0..).step_by(GROUP)) {
        if smallest.limit() == 0 {
            return;
        }
        let sums = add([_mm256_setzero_si256(); 2], &group[..half], &tables[..half]);
        // Sums only grow.
        if near(split(sums), smallest.limit()) == 0 {
            continue;
        }
        let sums = split(add(sums, &group[half..], &tables[half..]));
        let near = near(sums, smallest.limit());
        if near != 0 {
            let sums: [[u16; 16]; 2] = bytemuck::cast(sums);
            offer(smallest, first, rows, near, |row| sums[row % 2][row / 2]);
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn add([mut words, mut odd]: Sums, group: &[Pair], tables: &[[Table; 2]]) -> Sums {
    let four_bits = _mm256_set1_epi8(15);
    for (pair, [low, high]) in group.iter().zip(tables) {
        let codes: __m256i = bytemuck::cast(*pair);
        let low = _mm256_shuffle_epi8(twice(low), _mm256_and_si256(codes, four_bits));
        let high = _mm256_shuffle_epi8(
            twice(high),
            _mm256_and_si256(_mm256_srli_epi16::<4>(codes), four_bits),
        );
        words = _mm256_add_epi16(words, _mm256_add_epi16(low, high));
        odd = _mm256_add_epi16(
            odd,
            _mm256_add_epi16(_mm256_srli_epi16::<8>(low), _mm256_srli_epi16::<8>(high)),
        );
    }
    [words, odd]
}

#[inline]
#[target_feature(enable = "avx2")]
fn twice(table: &Table) -> __m256i {
    _mm256_broadcastsi128_si256(bytemuck::cast(*table))
}

/// The sums of the even and of the odd rows.
#[inline]
#[target_feature(enable = "avx2")]
pub fn split([words, odd]: Sums) -> [__m256i; 2] {
    [_mm256_sub_epi16(words, _mm256_slli_epi16::<8>(odd)), odd]
}

/// A bit for each row whose sum is below the limit, which is not 0.
#[inline]
#[target_feature(enable = "avx2")]
pub fn near(sums: [__m256i; 2], limit: u32) -> u32 {
    let most = _mm256_set1_epi16((limit - 1).min(u16::MAX.into()) as i16);
    let [even, odd] = sums.map(|sums| _mm256_cmpeq_epi16(_mm256_min_epu16(sums, most), sums));
    let low_bytes = _mm256_set1_epi16(0x00ff);
    _mm256_movemask_epi8(_mm256_blendv_epi8(odd, even, low_bytes)) as u32
}
