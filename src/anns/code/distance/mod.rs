// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code distances, in several implementations. They are integers, so every implementation gives the same ones.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod operands;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod simd;
#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(target_arch = "x86_64")]
mod vnni;

use std::ops::Range;

pub use operands::{Codes, Query};

use crate::anns::distance::Backend;
use crate::anns::key;
use crate::anns::topk::TopK;

/// Calls a function of an implementation, compiled for products or for squares.
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
            // SAFETY: the caller has called `assert_runs_here`.
            Backend::Avx2 => unsafe { dispatch!(@avx2, $function, $query, $($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller has called `assert_runs_here`.
            Backend::Avx512 => unsafe { dispatch!(@avx512, $function, $query, $($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller has called `assert_runs_here`.
            Backend::Avx512Vnni => unsafe { dispatch!(@vnni, $function, $query, $($argument),*) },
        }
    };
}

impl Backend {
    /// Writes the code distance between `query` and each of `nodes` to `out`, in their order.
    ///
    /// Panics if a node is not there, if the sizes do not fit each other, or if this machine cannot run the
    /// implementation.
    #[inline]
    pub fn code_gather(self, query: &Query, codes: Codes, nodes: &[u32], out: &mut [u32]) {
        assert_eq!(query.wide.len(), codes.stride, "codes of another dimension");
        assert_eq!(nodes.len(), out.len());
        self.assert_runs_here();
        dispatch!(self, gather, query, codes, nodes, out);
    }

    /// Offers `code distance << 32 | node` of each node of a range. Nodes that could not be kept may be left out.
    ///
    /// Panics if a node is not there, if the sizes do not fit each other, or if this machine cannot run the
    /// implementation.
    pub fn code_scan(self, query: &Query, codes: Codes, nodes: Range<u32>, nearest: &mut TopK) {
        assert_eq!(query.wide.len(), codes.stride, "codes of another dimension");
        assert!(
            nodes.start <= nodes.end && nodes.end as usize <= codes.len(),
            "nodes that are not there"
        );
        self.assert_runs_here();
        dispatch!(self, scan, query, codes, nodes, nearest);
    }

    /// Returns the key of a node, `code distance << 32 | node`.
    pub fn code_key(self, query: &Query, codes: Codes, node: u32) -> u64 {
        let mut distance = [0];
        self.code_gather(query, codes, &[node], &mut distance);
        key(distance[0], node)
    }
}
