// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operands of code distances: the codes of a query and of vectors, as they lie in memory.

use crate::anns::Metric;
use crate::anns::code::layout::ALIGN;

/// The code distance of inner products is this number less the product.
pub const MIDDLE: u32 = 1 << 31;

/// How many codes are taken at a time: half a cache line of a vector's codes, a whole one of the query's.
const LANES: usize = 32;

/// The codes of a vector that are taken at a time.
pub type Step = [i8; LANES];

#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Wide(pub [i16; LANES]);

/// A cache line of a query's codes.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Line(pub [i8; ALIGN]);

/// A query's codes, as the implementations take them.
#[derive(Clone, Default)]
pub struct Query {
    pub(super) products: bool,
    pub(super) wide: Vec<Wide>,
    pub(super) narrow: Vec<Line>,
    /// The sum of the codes, and that of their squares.
    pub(super) sum: i32,
    pub(super) squares: i32,
}

impl Query {
    /// `codes` as they lie in an index, or as a query was encoded.
    pub fn new(metric: Metric, codes: &[i8]) -> Self {
        let mut query = Query::default();
        query.set(metric, codes);
        query
    }

    /// Whether distances are 2^31 less products, or else sums of squares.
    pub fn sums_products(&self) -> bool {
        self.products
    }

    /// Replaces the query by another one.
    pub fn set(&mut self, metric: Metric, codes: &[i8]) {
        assert!(
            !codes.is_empty() && codes.len().is_multiple_of(ALIGN),
            "codes without padding"
        );
        self.products = metric != Metric::L2;
        self.wide.clear();
        let (steps, _) = codes.as_chunks::<LANES>();
        self.wide
            .extend(steps.iter().map(|step| Wide(step.map(i16::from))));
        self.narrow.clear();
        let (lines, _) = codes.as_chunks::<ALIGN>();
        self.narrow.extend(lines.iter().map(|line| Line(*line)));
        let codes = || codes.iter().map(|code| i32::from(*code));
        self.sum = codes().sum();
        self.squares = codes().map(|code| code * code).sum();
    }
}

/// The codes of many vectors, one after the other.
#[derive(Clone, Copy)]
pub struct Codes<'a> {
    pub(super) steps: &'a [Step],
    /// How many steps a vector has.
    pub(super) stride: usize,
}

impl<'a> Codes<'a> {
    /// `bytes` has `stride` bytes for each vector, a multiple of 64.
    pub fn new(bytes: &'a [i8], stride: usize) -> Self {
        assert!(stride > 0 && stride.is_multiple_of(ALIGN) && bytes.len().is_multiple_of(stride));
        Codes {
            steps: bytes.as_chunks().0,
            stride: stride / LANES,
        }
    }

    /// Returns how many vectors there are.
    pub fn len(&self) -> usize {
        self.steps.len() / self.stride
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns the codes of a vector.
    pub fn get(&self, node: u32) -> &'a [i8] {
        self.of(node).as_flattened()
    }

    /// Prefetches a vector's codes. The vector need not exist.
    #[inline(always)]
    pub fn prefetch(&self, node: u32) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::*;
            let start = self
                .steps
                .as_ptr()
                .wrapping_add(node as usize * self.stride);
            // SAFETY: the addresses may be any; nothing is read that a program could see.
            let prefetch = |step| unsafe {
                _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(step).cast());
            };
            prefetch(0);
            prefetch(ALIGN / LANES);
            for step in (2 * ALIGN / LANES..self.stride).step_by(ALIGN / LANES) {
                prefetch(step);
            }
        }
    }

    #[inline(always)]
    pub(super) fn of(&self, node: u32) -> &'a [Step] {
        &self.steps[node as usize * self.stride..][..self.stride]
    }
}
