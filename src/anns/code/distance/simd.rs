// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is the same for every width of register. It is inlined into a function for one width, and compiled for it there.
//!
//! An instance gives its registers of zeros, `add` for the terms of a step, and `folded` for the sums of four registers; `instance!` makes
//! the functions that are called out of these.

use std::arch::x86_64::*;
use std::iter::zip;
use std::ops::Range;

use super::operands::{Codes, MIDDLE, Query, Step, Wide};
use crate::anns::key;
use crate::anns::topk::TopK;

/// Four vectors that are compared with the query at once.
pub type Four<'a> = [&'a [Step]; 4];

/// How many groups of four the memory is ahead.
const AHEAD: usize = 8;

/// `sums` computes the sums of the terms of the first of four vectors, as many as it is told.
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
        // The last one stands in for those that are missing.
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
        // The last one stands in for those that are missing.
        let four = std::array::from_fn(|i| codes.of(first + (i as u32).min(count - 1)));
        let distances = distances::<PRODUCTS>(sums(four, count as usize));
        if limit.is_above_any(distances) {
            offer(nearest, first, distances, count);
            limit = Limit::of(nearest);
        }
        first += count;
    }
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
        // Of one length, as the compiler sees now.
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

const SIGN: u32 = 1 << 31;

/// Four times the distance, its sign bit flipped, from which on no node is kept.
#[derive(Clone, Copy)]
struct Limit(__m128i);

impl Limit {
    #[inline(always)]
    fn of(nearest: &TopK) -> Self {
        // One more: a node at the same distance may have a smaller number than one that is kept.
        let above = ((nearest.limit() >> 32) as u32).saturating_add(1);
        // SAFETY: SSE2 is part of x86-64.
        Limit(unsafe { _mm_set1_epi32((above ^ SIGN) as i32) })
    }

    #[inline(always)]
    fn is_above_any(self, distances: __m128i) -> bool {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let signed = _mm_xor_si128(distances, _mm_set1_epi32(SIGN as i32));
            _mm_movemask_epi8(_mm_cmpgt_epi32(self.0, signed)) != 0
        }
    }
}

#[cold]
fn offer(nearest: &mut TopK, first: u32, distances: __m128i, count: u32) {
    let distances: [u32; 4] = bytemuck::cast(distances);
    for (node, distance) in zip(first..first + count, distances) {
        nearest.offer(key(distance, node));
    }
}

/// The functions of one instance, for a CPU with these features.
macro_rules! instance {
    ($features:literal, $zero:ident) => {
        #[target_feature(enable = $features)]
        pub fn gather<const PRODUCTS: bool>(
            query: &Query,
            codes: super::operands::Codes,
            nodes: &[u32],
            out: &mut [u32],
        ) {
            super::simd::gather::<PRODUCTS>(codes, nodes, out, |four, count| {
                sums::<PRODUCTS>(query, four, count)
            });
        }

        #[target_feature(enable = $features)]
        pub fn scan<const PRODUCTS: bool>(
            query: &Query,
            codes: super::operands::Codes,
            nodes: std::ops::Range<u32>,
            nearest: &mut crate::anns::topk::TopK,
        ) {
            super::simd::scan::<PRODUCTS>(codes, nodes, nearest, |four, count| {
                sums::<PRODUCTS>(query, four, count)
            });
        }

        /// The sums of the terms of the first `count` of four vectors.
        #[inline]
        #[target_feature(enable = $features)]
        fn sums<const PRODUCTS: bool>(
            query: &Query,
            four: super::simd::Four,
            count: usize,
        ) -> __m128i {
            let zero = $zero();
            let add = |sums, q: &_, x: &_| add::<PRODUCTS>(sums, q, x);
            let [a, b, ..] = four;
            folded(match count {
                1 => {
                    let [a] = super::simd::sums(zero, query, [a], add);
                    [a, zero, zero, zero]
                }
                2 => {
                    let [a, b] = super::simd::sums(zero, query, [a, b], add);
                    [a, b, zero, zero]
                }
                _ => super::simd::sums(zero, query, four, add),
            })
        }
    };
}

pub(super) use instance;
