// SPDX-License-Identifier: MIT OR Apache-2.0
//! The scan, as far as it is the same for every width of register.
//!
//! What is generic here is inlined into a function for one width, and compiled for that width there.

use std::arch::x86_64::*;
use std::iter::zip;

use super::Step;
use crate::anns::candidate;
use crate::anns::topk::TopK;

/// Rows that are compared with the query at once. They lie one after the other, except at the very end.
pub type Rows<'a> = [&'a [Step]; 4];

/// Offers the rows that are near enough to be kept. `folded` computes `u` of the reduction tree for each of four rows.
#[inline(always)]
pub fn scan(steps: usize, rows: &[Step], nearest: &mut TopK, folded: impl Fn(Rows) -> [__m128; 4]) {
    let groups = rows.chunks_exact(4 * steps);
    let rest = groups.remainder();
    let mut first = 0;
    let mut limit = Limit::of(nearest);
    for group in groups {
        let rows = std::array::from_fn(|i| &group[i * steps..][..steps]);
        let distances = distances(folded(rows));
        if limit.is_above_any(distances) {
            offer(nearest, first, distances, 4);
            limit = Limit::of(nearest);
        }
        first += 4;
    }
    if !rest.is_empty() {
        // The last row stands in for those that are missing.
        let last = rest.len() - steps;
        let rows = std::array::from_fn(|i| &rest[last.min(i * steps)..][..steps]);
        let distances = distances(folded(rows));
        offer(nearest, first, distances, rest.len() / steps);
    }
}

/// Goes through the query and four rows at the same pace; `add_squares` adds the squares of the differences of a step.
#[inline(always)]
pub fn sums<S: Copy>(
    zero: S,
    query: &[Step],
    [a, b, c, d]: Rows,
    add_squares: impl Fn(S, &Step, &Step) -> S,
) -> [S; 4] {
    let mut sums = [zero; 4];
    for (step, (q, ((a0, b0), (c0, d0)))) in zip(query, zip(zip(a, b), zip(c, d))).enumerate() {
        prefetch_after(a.as_ptr().wrapping_add(4 * step));
        for (sums, x) in zip(&mut sums, [a0, b0, c0, d0]) {
            *sums = add_squares(*sums, q, x);
        }
    }
    sums
}

/// Asks for the next four steps that nobody has asked for, in the order of memory: the prefetchers of the hardware do not
/// follow four rows that are read at a time well.
#[inline(always)]
fn prefetch_after(asked: *const Step) {
    /// 4 KiB.
    const AHEAD: usize = 64;
    for i in 0..4 {
        // SAFETY: the address may be any; nothing is read from it that a program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(asked.wrapping_add(AHEAD + i).cast()) };
    }
}

/// The distances of four rows from their `u` of the reduction tree: its last two steps, transposed.
#[inline(always)]
fn distances([a, b, c, d]: [__m128; 4]) -> __m128 {
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let v_ab = _mm_add_ps(_mm_movelh_ps(a, b), _mm_movehl_ps(b, a));
        let v_cd = _mm_add_ps(_mm_movelh_ps(c, d), _mm_movehl_ps(d, c));
        _mm_add_ps(
            _mm_shuffle_ps::<0b10_00_10_00>(v_ab, v_cd),
            _mm_shuffle_ps::<0b11_01_11_01>(v_ab, v_cd),
        )
    }
}

/// Four times the bits of the distance from which on no later row is kept. Bits order as the distances do.
#[derive(Clone, Copy)]
struct Limit(__m128i);

impl Limit {
    #[inline(always)]
    fn of(nearest: &TopK) -> Self {
        // A later row at the same distance is the greater candidate. While every row is kept, the limit is above +inf.
        let bits = i32::try_from(nearest.limit() >> 32).unwrap_or(i32::MAX);
        // SAFETY: SSE2 is part of x86-64.
        Limit(unsafe { _mm_set1_epi32(bits) })
    }

    #[inline(always)]
    fn is_above_any(self, distances: __m128) -> bool {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let near = _mm_cmpgt_epi32(self.0, _mm_castps_si128(distances));
            _mm_movemask_ps(_mm_castsi128_ps(near)) != 0
        }
    }
}

/// Offers `count` rows from `first` on. Hardly any row comes near enough.
#[cold]
fn offer(nearest: &mut TopK, first: u32, distances: __m128, count: usize) {
    let distances: [f32; 4] = bytemuck::cast(distances);
    for (row, distance) in (first..).zip(&distances[..count]) {
        nearest.offer(candidate(*distance, row));
    }
}
