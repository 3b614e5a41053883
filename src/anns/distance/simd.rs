// SPDX-License-Identifier: MIT OR Apache-2.0
//! The distances for every width of register. The generic code is inlined into a function for one instruction set and
//! one metric, and compiled for them there.

use std::arch::x86_64::*;
use std::iter::zip;

use super::operands::{Query, Rows, Step};
use crate::anns::limit::{Limit, offer, signed};
use crate::anns::topk::TopK;

/// How distances come about from sums, for four rows at once.
pub trait Measure {
    /// Whether products are summed, or else squares of differences.
    const PRODUCTS: bool;
    /// Whether the lengths of vectors matter.
    const LENGTHS: bool;
}

pub enum L2 {}
pub enum InnerProduct {}
pub enum Cosine {}

impl Measure for L2 {
    const PRODUCTS: bool = false;
    const LENGTHS: bool = false;
}

impl Measure for InnerProduct {
    const PRODUCTS: bool = true;
    const LENGTHS: bool = false;
}

impl Measure for Cosine {
    const PRODUCTS: bool = true;
    const LENGTHS: bool = true;
}

/// The four rows that are compared with the query at once.
pub type Four<'a> = [&'a [Step]; 4];

/// Offers the rows that are near enough to be kept, by their numbers, the first of which is `number`. They lie one
/// after the other. `folded` computes `u` of the reduction tree for each of four rows.
#[inline(always)]
pub fn scan<M: Measure>(
    query: &Query,
    rows: Rows,
    number: u32,
    nearest: &mut TopK,
    folded: impl Fn(Four) -> [__m128; 4],
) {
    let steps = query.steps.len();
    let groups = rows.steps.chunks_exact(4 * steps);
    let rest = groups.remainder();
    let mut first = 0;
    let mut limit = Limit::of(nearest);
    for group in groups {
        let four = std::array::from_fn(|i| &group[i * steps..][..steps]);
        let orders = signed_orders::<M>(query, folded(four), || {
            std::array::from_fn(|i| rows.inverse[first + i])
        });
        if limit.is_above_any(orders) {
            offer(
                nearest,
                std::array::from_fn(|i| number + (first + i) as u32),
                orders,
                4,
            );
            limit = Limit::of(nearest);
        }
        first += 4;
    }
    if !rest.is_empty() {
        // The last row stands in for those that are missing.
        let last = rest.len() / steps - 1;
        let four = std::array::from_fn(|i| &rest[last.min(i) * steps..][..steps]);
        let orders = signed_orders::<M>(query, folded(four), || {
            std::array::from_fn(|i| rows.inverse[first + last.min(i)])
        });
        let numbers = std::array::from_fn(|i| number.wrapping_add((first + i) as u32));
        offer(nearest, numbers, orders, last + 1);
    }
}

/// Offers the chosen rows that are near enough to be kept. `folded` computes `u` of the reduction tree for each of four
/// rows.
#[inline(always)]
pub fn gather<M: Measure>(
    query: &Query,
    rows: Rows,
    chosen: &[u32],
    nearest: &mut TopK,
    folded: impl Fn(Four) -> [__m128; 4],
) {
    each_four::<M>(query, rows, chosen, folded, |numbers, orders, count| {
        if Limit::of(nearest).is_above_any(orders) {
            offer(nearest, numbers, orders, count);
        }
    });
}

/// Writes the orders of the distances of the chosen rows. `folded` computes `u` of the reduction tree for each of four
/// rows.
#[inline(always)]
pub fn orders<M: Measure>(
    query: &Query,
    rows: Rows,
    chosen: &[u32],
    out: &mut [u32],
    folded: impl Fn(Four) -> [__m128; 4],
) {
    let mut out = out.chunks_mut(4);
    each_four::<M>(query, rows, chosen, folded, |_, orders, _| {
        let orders: [u32; 4] = bytemuck::cast(signed(orders));
        if let Some(out) = out.next() {
            out.copy_from_slice(&orders[..out.len()]);
        }
    });
}

/// Calls `each` with every four of the chosen rows, with the orders of their distances as signed integers, and with how
/// many of them are meant.
#[inline(always)]
fn each_four<M: Measure>(
    query: &Query,
    rows: Rows,
    chosen: &[u32],
    folded: impl Fn(Four) -> [__m128; 4],
    mut each: impl FnMut([u32; 4], __m128i, usize),
) {
    let steps = query.steps.len();
    let row = |number: u32| rows.row(number as usize, steps);
    let mut groups = chosen.chunks(4).peekable();
    while let Some(group) = groups.next() {
        if let Some(next) = groups.peek() {
            next.iter().for_each(|number| prefetch(row(*number)));
        }
        // The last row stands in for those that are missing.
        let last = group.len() - 1;
        let numbers: [u32; 4] = std::array::from_fn(|i| group[last.min(i)]);
        let orders = signed_orders::<M>(query, folded(numbers.map(row)), || {
            numbers.map(|number| rows.inverse(number as usize))
        });
        each(numbers, orders, group.len());
    }
}

/// Writes the sums of all rows. `folded` computes `u` of the reduction tree for each of four rows.
#[inline(always)]
pub fn dots(query: &Query, rows: Rows, dots: &mut [f32], folded: impl Fn(Four) -> [__m128; 4]) {
    let steps = query.steps.len();
    for (group, dots) in zip(rows.steps.chunks(4 * steps), dots.chunks_mut(4)) {
        // The last row stands in for those that are missing.
        let last = dots.len() - 1;
        let four = std::array::from_fn(|i| &group[last.min(i) * steps..][..steps]);
        let sums: [f32; 4] = bytemuck::cast(reduced(folded(four)));
        dots.copy_from_slice(&sums[..=last]);
    }
}

/// Goes through the query and four rows at the same pace; `add` adds the terms of a step. If `AHEAD`, the rows lie one
/// after the other, and memory behind them is prefetched.
#[inline(always)]
pub fn sums<S: Copy, const AHEAD: bool>(
    zero: S,
    query: &[Step],
    [a, b, c, d]: Four,
    add: impl Fn(S, &Step, &Step) -> S,
) -> [S; 4] {
    let mut sums = [zero; 4];
    for (step, (q, ((a0, b0), (c0, d0)))) in zip(query, zip(zip(a, b), zip(c, d))).enumerate() {
        if AHEAD {
            prefetch_after(a.as_ptr().wrapping_add(4 * step));
        }
        for (sums, x) in zip(&mut sums, [a0, b0, c0, d0]) {
            *sums = add(*sums, q, x);
        }
    }
    sums
}

/// Prefetches four steps in the order of memory, 4 KiB ahead of `asked`. The prefetchers of the hardware do not follow
/// four rows well that are read at a time.
#[inline(always)]
fn prefetch_after(asked: *const Step) {
    /// The distance in steps: 4 KiB.
    const AHEAD: usize = 64;
    for i in 0..4 {
        // SAFETY: any address may be prefetched; nothing is read that a program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(asked.wrapping_add(AHEAD + i).cast()) };
    }
}

/// Prefetches the beginning of a row. The prefetchers of the hardware follow from there.
#[inline(always)]
fn prefetch(row: &[Step]) {
    for step in row.iter().take(16) {
        // SAFETY: nothing is read that a program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(step).cast()) };
    }
}

/// Returns the orders of the distances of four rows as signed integers: the sign bit of each is flipped. `folded` is
/// `u` of the reduction tree.
#[inline(always)]
fn signed_orders<M: Measure>(
    query: &Query,
    folded: [__m128; 4],
    inverse: impl FnOnce() -> [f32; 4],
) -> __m128i {
    let sums = reduced(folded);
    if !M::PRODUCTS {
        // Sums of squares are neither negative nor NaN, so their bits order as the distances do. SAFETY: SSE2 is part
        // of x86-64.
        return unsafe { _mm_castps_si128(sums) };
    }
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let distances = if M::LENGTHS {
            let scaled = _mm_mul_ps(sums, _mm_set1_ps(query.inverse));
            let cosines = _mm_mul_ps(scaled, bytemuck::cast(inverse()));
            _mm_sub_ps(_mm_set1_ps(1.0), cosines)
        } else {
            _mm_sub_ps(_mm_setzero_ps(), sums)
        };
        let nan = _mm_cmpunord_ps(distances, distances);
        let distances = _mm_or_ps(
            _mm_andnot_ps(nan, distances),
            _mm_and_ps(nan, _mm_set1_ps(f32::INFINITY)),
        );
        let bits = _mm_castps_si128(distances);
        _mm_xor_si128(bits, _mm_srli_epi32::<1>(_mm_srai_epi32::<31>(bits)))
    }
}

/// Returns the sums of four rows: the last two steps of the reduction tree, transposed.
#[inline(always)]
fn reduced([a, b, c, d]: [__m128; 4]) -> __m128 {
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

/// Declares the functions of one instruction set. An instance names its features, a register of floats and its
/// arithmetic, and has a function `fold` that computes `u` of the reduction tree.
///
/// Where there are too few registers for four rows, there are several passes over them: with n passes, each sums up
/// every n-th register of a step.
///
/// A trait would not do: only unsafe functions of a trait may have target features.
macro_rules! instance {
    (
        features: $features:literal,
        register: $register:ident,
        passes: [$($pass:literal),+],
        zero: $zero:ident,
        add: $add:ident,
        subtract: $subtract:ident,
        multiply: $multiply:ident,
    ) => {
        use super::operands::{Query, Rows, Step};
        use super::simd::{self, Four, InnerProduct, Measure};
        use crate::anns::topk::TopK;

        const PASSES: usize = [$($pass),+].len();
        /// How many registers a step fills.
        const PARTS: usize = size_of::<Step>() / size_of::<$register>();

        /// The sums that a pass computes for a row.
        type Sums = [$register; PARTS / PASSES];

        #[target_feature(enable = $features)]
        pub fn scan<M: Measure>(query: &Query, rows: Rows, number: u32, nearest: &mut TopK) {
            simd::scan::<M>(query, rows, number, nearest, |four| {
                folded::<M, true>(query.steps, four)
            });
        }

        #[target_feature(enable = $features)]
        pub fn gather<M: Measure>(query: &Query, rows: Rows, chosen: &[u32], nearest: &mut TopK) {
            simd::gather::<M>(query, rows, chosen, nearest, |four| {
                folded::<M, false>(query.steps, four)
            });
        }

        #[target_feature(enable = $features)]
        pub fn orders<M: Measure>(query: &Query, rows: Rows, chosen: &[u32], out: &mut [u32]) {
            simd::orders::<M>(query, rows, chosen, out, |four| {
                folded::<M, false>(query.steps, four)
            });
        }

        #[target_feature(enable = $features)]
        pub fn dots(query: &Query, rows: Rows, dots: &mut [f32]) {
            simd::dots(query, rows, dots, |four| {
                folded::<InnerProduct, true>(query.steps, four)
            });
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn folded<M: Measure, const AHEAD: bool>(query: &[Step], four: Four) -> [__m128; 4] {
            let zero: Sums = [$zero(); PARTS / PASSES];
            let passes = [$(
                simd::sums::<_, AHEAD>(zero, query, four, |sums, q, x| {
                    add::<M, $pass>(sums, q, x)
                })
            ),+];
            std::array::from_fn(|row| fold(passes.map(|sums| sums[row])))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn add<M: Measure, const PASS: usize>(sums: Sums, q: &Step, x: &Step) -> Sums {
            let q: [$register; PARTS] = bytemuck::cast(*q);
            let x: [$register; PARTS] = bytemuck::cast(*x);
            std::array::from_fn(|j| {
                let (q, x) = (q[PASS + PASSES * j], x[PASS + PASSES * j]);
                let term = if M::PRODUCTS {
                    $multiply(q, x)
                } else {
                    let d = $subtract(q, x);
                    $multiply(d, d)
                };
                $add(sums[j], term)
            })
        }
    };
}

pub(super) use instance;
