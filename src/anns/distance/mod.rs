// SPDX-License-Identifier: MIT OR Apache-2.0
//! The distances of `docs/arithmetic.md`, in several implementations that agree to the bit.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod backend;
mod operands;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod simd;
#[cfg(target_arch = "x86_64")]
mod sse2;

use std::ops::Range;

pub use backend::Backend;
pub use operands::{Query, Rows};

pub use crate::dataset::length::LANES;

use super::Metric;
use super::topk::TopK;

/// Calls a function of an implementation, compiled for the metric.
macro_rules! dispatch {
    (@$module:ident, $metric:expr, $function:ident, $($argument:expr),*) => {
        match $metric {
            Metric::L2 => $module::$function::<simd::L2>($($argument),*),
            Metric::InnerProduct => $module::$function::<simd::InnerProduct>($($argument),*),
            Metric::Cosine => $module::$function::<simd::Cosine>($($argument),*),
        }
    };
    ($backend:expr, $metric:expr, $function:ident, $($argument:expr),*) => {
        match $backend {
            Backend::Scalar => scalar::$function($metric, $($argument),*),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: SSE2 is part of x86-64.
            Backend::Sse2 => unsafe { dispatch!(@sse2, $metric, $function, $($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `check` has called `assert_runs_here`.
            Backend::Avx2 => unsafe { dispatch!(@avx2, $metric, $function, $($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `check` has called `assert_runs_here`.
            Backend::Avx512 | Backend::Avx512Vnni => unsafe { dispatch!(@avx512, $metric, $function, $($argument),*) },
        }
    };
}

impl Backend {
    /// Offers the rows of `range`, each with its distance from `query`. Rows that could not be kept may be left out.
    ///
    /// Panics if the sizes do not fit each other, or if this machine cannot run the implementation.
    pub fn scan(self, query: &Query, rows: Rows, range: Range<usize>, nearest: &mut TopK) {
        let count = self.check(query, rows);
        assert!(
            range.start <= range.end && range.end <= count,
            "rows that are not there"
        );
        assert!(u32::try_from(range.end).is_ok(), "row numbers have 32 bits");
        let mut first = range.start;
        while first < range.end {
            let (part, rows) = rows.one_after_the_other(query, first..range.end);
            let number = first as u32;
            dispatch!(self, query.metric, scan, query, rows, number, nearest);
            first += part;
        }
    }

    /// Offers the rows that are `chosen`, each with its distance from `query`. Rows that could not be kept may be left
    /// out.
    ///
    /// Panics if a row is not there, if the sizes do not fit each other, or if this machine cannot run the
    /// implementation.
    pub fn gather(self, query: &Query, rows: Rows, chosen: &[u32], nearest: &mut TopK) {
        let count = self.check(query, rows);
        let largest = chosen.iter().fold(0, |largest, row| largest.max(*row));
        assert!(
            chosen.is_empty() || (largest as usize) < count,
            "rows that are not there"
        );
        dispatch!(self, query.metric, gather, query, rows, chosen, nearest);
    }

    /// Writes `order(distance)` of the rows that are `chosen`, in their order.
    ///
    /// Panics if a row is not there, if the sizes do not fit each other, or if this machine cannot run the
    /// implementation.
    pub fn orders(self, query: &Query, rows: Rows, chosen: &[u32], out: &mut [u32]) {
        let count = self.check(query, rows);
        assert_eq!(chosen.len(), out.len(), "an order for each row");
        let largest = chosen.iter().fold(0, |largest, row| largest.max(*row));
        assert!(
            chosen.is_empty() || (largest as usize) < count,
            "rows that are not there"
        );
        dispatch!(self, query.metric, orders, query, rows, chosen, out);
    }

    /// Writes `dot(query, row)` of all rows, whatever the metric is. They lie one after the other. Products are not
    /// negated, and NaNs are not replaced.
    ///
    /// Panics if the sizes do not fit each other, or if this machine cannot run the implementation.
    pub fn dots(self, query: &Query, rows: Rows, dots: &mut [f32]) {
        let count = self.check(query, rows);
        assert_eq!(count, dots.len(), "a product for each row");
        match self {
            Backend::Scalar => scalar::dots(query, rows, dots),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: SSE2 is part of x86-64.
            Backend::Sse2 => unsafe { sse2::dots(query, rows, dots) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `check` has called `assert_runs_here`.
            Backend::Avx2 => unsafe { avx2::dots(query, rows, dots) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `check` has called `assert_runs_here`.
            Backend::Avx512 | Backend::Avx512Vnni => unsafe { avx512::dots(query, rows, dots) },
        }
    }

    /// Checks that the sizes fit each other, and returns how many rows there are.
    fn check(self, query: &Query, rows: Rows) -> usize {
        self.assert_runs_here();
        let steps = query.steps.len();
        if let Some(pieces) = rows.pieces {
            let fits = pieces.dim().next_multiple_of(LANES) == steps * LANES;
            assert!(fits, "rows of another dimension");
            return pieces.rows();
        }
        let count = rows.steps.len() / steps;
        assert_eq!(rows.steps.len(), count * steps, "rows of another dimension");
        assert!(
            query.metric != Metric::Cosine || rows.inverse.len() == count,
            "rows without their inverse lengths"
        );
        count
    }
}
