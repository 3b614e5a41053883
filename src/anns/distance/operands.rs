// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is compared: a query and rows, as they lie in memory.

use crate::anns::Metric;
use crate::dataset::{Matrix, length};

/// Elements taken at a time; queries and rows are padded to a multiple.
pub const LANES: usize = 16;

/// What is taken at a time.
pub type Step = [f32; LANES];

/// What rows are compared with, and how.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    pub(super) metric: Metric,
    pub(super) steps: &'a [Step],
    /// The inverse length, for cosine.
    pub(super) inverse: f32,
}

impl<'a> Query<'a> {
    /// `padded` has zeros up to a multiple of [`LANES`]; it need not be aligned.
    pub fn new(metric: Metric, padded: &'a [f32]) -> Self {
        let (steps, rest) = padded.as_chunks();
        assert!(
            rest.is_empty() && !steps.is_empty(),
            "a query without padding"
        );
        Query {
            metric,
            steps,
            inverse: match metric {
                Metric::Cosine => length::inverse(padded),
                _ => 1.0,
            },
        }
    }

    pub fn metric(&self) -> Metric {
        self.metric
    }
}

/// Vectors as they lie in memory, one after the other.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub(super) steps: &'a [Step],
    /// The inverse length of each row, for cosine; else none.
    pub(super) inverse: &'a [f32],
}

impl<'a> Rows<'a> {
    /// Each of `padded` has zeros up to a multiple of [`LANES`]; they need not be aligned. `inverse` holds each
    /// row's inverse length, or nothing if they will not be searched by cosine.
    pub fn new(padded: &'a [f32], inverse: &'a [f32]) -> Self {
        let (steps, rest) = padded.as_chunks();
        assert!(rest.is_empty(), "rows without padding");
        Rows { steps, inverse }
    }

    pub fn of(rows: &'a Matrix, metric: Metric) -> Self {
        let inverse = match metric {
            Metric::Cosine => rows.inverse_lengths(),
            _ => &[],
        };
        Rows::new(rows.padded(), inverse)
    }
}
