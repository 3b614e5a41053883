// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code distances for every width of register. The generic code is inlined into a function for one instruction set, and
//! compiled for that set there.

use std::arch::x86_64::*;
use std::iter::zip;
use std::ops::Range;

use super::operands::{Codes, MIDDLE, Query, Step, Wide};
use crate::anns::limit::{Limit, offer, signed};
use crate::anns::topk::TopK;

/// Four vectors that are compared with the query at once.
pub type Four<'a> = [&'a [Step]; 4];

/// How many vectors ahead memory is prefetched.
const AHEAD: usize = 8;

/// Writes the distances of `nodes` to `out`. `sums` sums up the terms of the first few of four vectors: as many as its
/// second argument says.
#[inline(always)]
pub fn gather<const PRODUCTS: bool>(
    codes: Codes,
    nodes: &[u32],
    out: &mut [u32],
    sums: impl Fn(Four, usize) -> __m128i,
) {
    nodes
        .iter()
        .take(AHEAD)
        .for_each(|node| codes.prefetch(*node));
    let (groups, rest) = nodes.as_chunks::<4>();
    let (out, rest_out) = out.as_chunks_mut::<4>();
    for (i, (group, out)) in zip(groups, out).enumerate() {
        if let Some(later) = nodes.get(4 * i + AHEAD..) {
            later.iter().take(4).for_each(|node| codes.prefetch(*node));
        }
        let [a, b, c, d] = *group;
        let four = [codes.of(a), codes.of(b), codes.of(c), codes.of(d)];
        *out = bytemuck::cast(distances::<PRODUCTS>(sums(four, 4)));
    }
    if let &[a, .., z] | &[a @ z] = rest {
        // The last node stands in for those that are missing.
        let b = if rest.len() == 3 { rest[1] } else { z };
        let four = [codes.of(a), codes.of(b), codes.of(z), codes.of(z)];
        let found: [u32; 4] = bytemuck::cast(distances::<PRODUCTS>(sums(four, rest.len())));
        rest_out.copy_from_slice(&found[..rest.len()]);
    }
}

#[inline(always)]
pub fn scan<const PRODUCTS: bool>(
    codes: Codes,
    nodes: Range<u32>,
    nearest: &mut TopK,
    sums: impl Fn(Four, usize) -> __m128i,
) {
    let mut limit = Limit::of(nearest);
    let mut first = nodes.start;
    while first < nodes.end {
        let count = (nodes.end - first).min(4);
        // The last node stands in for those that are missing.
        let four = std::array::from_fn(|i| codes.of(first + (i as u32).min(count - 1)));
        let distances = distances::<PRODUCTS>(sums(four, count as usize));
        if limit.is_above_any(signed(distances)) {
            offer_from(nearest, first, distances, count);
            limit = Limit::of(nearest);
        }
        first += count;
    }
}

/// Offers the first `count` of four nodes that follow each other.
#[cold]
fn offer_from(nearest: &mut TopK, first: u32, distances: __m128i, count: u32) {
    let nodes = std::array::from_fn(|i| first.wrapping_add(i as u32));
    offer(nearest, nodes, signed(distances), count as usize);
}

/// Goes through the query and vectors at the same pace; `add` adds the terms of a step.
#[inline(always)]
pub fn sums<S: Copy, const N: usize>(
    zero: S,
    query: &Query,
    mut vectors: [&[Step]; N],
    add: impl Fn(S, &Wide, &Step) -> S,
) -> [S; N] {
    let query = &query.wide[..];
    for vector in &mut vectors {
        // The slices get one length that the compiler sees.
        *vector = &vector[..query.len()];
    }
    let mut sums = [zero; N];
    for (i, q) in query.iter().enumerate() {
        for (sums, vector) in zip(&mut sums, vectors) {
            *sums = add(*sums, q, &vector[i]);
        }
    }
    sums
}

#[inline(always)]
fn distances<const PRODUCTS: bool>(sums: __m128i) -> __m128i {
    if PRODUCTS {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { _mm_sub_epi32(_mm_set1_epi32(MIDDLE as i32), sums) }
    } else {
        sums
    }
}

/// Declares the functions of one instruction set. An instance names its features, a register of integers, the narrow
/// register from which codes are widened, and the arithmetic.
///
/// The instance also has two functions: `widened` makes 16-bit integers of the codes in a narrow register, and `folded`
/// sums up the 32-bit integers of each of four registers.
///
/// A trait would not do: only unsafe functions of a trait may have target features.
macro_rules! instance {
    (
        features: $features:literal,
        register: $register:ident,
        narrow: $narrow:ident,
        zero: $zero:ident,
        add: $add:ident,
        subtract: $subtract:ident,
        multiply_and_add_pairs: $multiply:ident,
    ) => {
        use std::ops::Range;

        use super::operands::{Codes, Query, Step, Wide};
        use super::simd::{self, Four};
        use crate::anns::topk::TopK;

        /// How many narrow registers a step fills.
        const LOADS: usize = size_of::<Step>() / size_of::<$narrow>();
        /// How many registers the codes of a narrow one fill when they are widened.
        const EACH: usize = size_of::<Wide>() / size_of::<$register>() / LOADS;

        #[target_feature(enable = $features)]
        pub fn gather<const PRODUCTS: bool>(
            query: &Query,
            codes: Codes,
            nodes: &[u32],
            out: &mut [u32],
        ) {
            simd::gather::<PRODUCTS>(codes, nodes, out, |four, count| {
                sums::<PRODUCTS>(query, four, count)
            });
        }

        #[target_feature(enable = $features)]
        pub fn scan<const PRODUCTS: bool>(
            query: &Query,
            codes: Codes,
            nodes: Range<u32>,
            nearest: &mut TopK,
        ) {
            simd::scan::<PRODUCTS>(codes, nodes, nearest, |four, count| {
                sums::<PRODUCTS>(query, four, count)
            });
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn sums<const PRODUCTS: bool>(query: &Query, four: Four, count: usize) -> __m128i {
            let zero = $zero();
            let add = |sums, q: &_, x: &_| add::<PRODUCTS>(sums, q, x);
            let [a, b, ..] = four;
            folded(match count {
                1 => {
                    let [a] = simd::sums(zero, query, [a], add);
                    [a, zero, zero, zero]
                }
                2 => {
                    let [a, b] = simd::sums(zero, query, [a, b], add);
                    [a, b, zero, zero]
                }
                _ => simd::sums(zero, query, four, add),
            })
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn add<const PRODUCTS: bool>(mut sums: $register, q: &Wide, x: &Step) -> $register {
            let q: [[$register; EACH]; LOADS] = bytemuck::cast(q.0);
            let x: [$narrow; LOADS] = bytemuck::cast(*x);
            for load in 0..LOADS {
                for (q, x) in q[load].into_iter().zip(widened(x[load])) {
                    let terms = if PRODUCTS {
                        $multiply(q, x)
                    } else {
                        let d = $subtract(q, x);
                        $multiply(d, d)
                    };
                    sums = $add(sums, terms);
                }
            }
            sums
        }
    };
}

pub(super) use instance;
