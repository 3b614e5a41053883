// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code distances. They are integers, so every implementation gives the same.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod simd;
#[cfg(target_arch = "x86_64")]
mod sse2;

use std::ops::Range;

use super::layout::ALIGN;
use crate::anns::distance::Backend;
use crate::anns::topk::TopK;
use crate::anns::{Metric, key};

/// A code distance of inner products is this less the product.
const MIDDLE: u32 = 1 << 31;

/// Codes taken at a time: half a cache line of bytes, a whole one of the query's.
const LANES: usize = 32;

/// What is taken at a time.
type Step = [i8; LANES];

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Wide([i16; LANES]);

/// A query's codes, as the implementations take them.
#[derive(Clone, Default)]
pub struct Query {
    products: bool,
    wide: Vec<Wide>,
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
    steps: &'a [Step],
    /// Steps of a vector.
    stride: usize,
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
    fn of(&self, node: u32) -> &'a [Step] {
        &self.steps[node as usize * self.stride..][..self.stride]
    }
}

/// Calls an implementation's function.
macro_rules! dispatch {
    (@$module:ident, $function:ident, $query:expr, $($argument:expr),*) => {
        if $query.products {
            $module::$function::<true>($query, $($argument),*)
        } else {
            $module::$function::<false>($query, $($argument),*)
        }
    };
    ($backend:expr, $function:ident, $query:expr, $($argument:expr),*) => {
        match $backend {
            Backend::Scalar => scalar::$function($query, $($argument),*),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: SSE2 is part of x86-64.
            Backend::Sse2 => unsafe { dispatch!(@sse2, $function, $query, $($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `assert_runs_here`.
            Backend::Avx2 => unsafe { dispatch!(@avx2, $function, $query, $($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `assert_runs_here`.
            Backend::Avx512 => unsafe { dispatch!(@avx512, $function, $query, $($argument),*) },
        }
    };
}

impl Backend {
    /// Writes the code distance between `query` and each of `nodes` to `out`, in their order.
    ///
    /// Panics if a node is not there, if the sizes do not fit each other, or if this machine cannot run the implementation.
    #[inline]
    pub fn code_gather(self, query: &Query, codes: Codes, nodes: &[u32], out: &mut [u32]) {
        assert_eq!(query.wide.len(), codes.stride, "codes of another dimension");
        assert_eq!(nodes.len(), out.len());
        self.assert_runs_here();
        dispatch!(self, gather, query, codes, nodes, out);
    }

    /// Offers `code distance << 32 | node` of each node of a range; what could not be kept may be left out.
    ///
    /// Panics as `code_gather` does.
    pub fn code_scan(self, query: &Query, codes: Codes, nodes: Range<u32>, nearest: &mut TopK) {
        assert_eq!(query.wide.len(), codes.stride, "codes of another dimension");
        assert!(
            nodes.start <= nodes.end && nodes.end as usize <= codes.len(),
            "nodes that are not there"
        );
        self.assert_runs_here();
        dispatch!(self, scan, query, codes, nodes, nearest);
    }

    /// The key of one node.
    pub fn code_key(self, query: &Query, codes: Codes, node: u32) -> u64 {
        let mut distance = [0];
        self.code_gather(query, codes, &[node], &mut distance);
        key(distance[0], node)
    }
}
