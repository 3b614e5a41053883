// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is compared: the codes of a query and of many vectors, as they lie in memory.

use crate::anns::Metric;
use crate::anns::code::layout::ALIGN;

/// A code distance of inner products is this less the product.
pub const MIDDLE: u32 = 1 << 31;

/// Codes taken at a time: half a cache line of bytes, a whole one of the query's.
pub const LANES: usize = 32;

/// What is taken at a time.
pub type Step = [i8; LANES];

#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Wide(pub [i16; LANES]);

/// A query's codes, as the implementations take them.
#[derive(Clone, Default)]
pub struct Query {
    pub(super) products: bool,
    pub(super) wide: Vec<Wide>,
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

    /// Makes it another query.
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
    }
}

/// The codes of many vectors, one after the other.
#[derive(Clone, Copy)]
pub struct Codes<'a> {
    pub(super) steps: &'a [Step],
    /// Steps of a vector.
    pub(super) stride: usize,
}

impl<'a> Codes<'a> {
    /// Each vector has `stride` bytes, a multiple of 64.
    pub fn new(bytes: &'a [i8], stride: usize) -> Self {
        assert!(stride > 0 && stride.is_multiple_of(ALIGN) && bytes.len().is_multiple_of(stride));
        Codes {
            steps: bytes.as_chunks().0,
            stride: stride / LANES,
        }
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.steps.len() / self.stride
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The codes of a vector.
    pub fn get(&self, node: u32) -> &'a [i8] {
        self.of(node).as_flattened()
    }

    /// Asks for the first two lines of a vector's codes. It need not be there.
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
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(start.cast());
                _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(2).cast());
            }
        }
    }

    #[inline(always)]
    pub(super) fn of(&self, node: u32) -> &'a [Step] {
        &self.steps[node as usize * self.stride..][..self.stride]
    }
}
