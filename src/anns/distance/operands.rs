// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operands of distances: a query and rows, as they lie in memory.

use crate::anns::Metric;
use crate::dataset::Matrix;
use crate::dataset::length::{self, LANES};

/// The elements that are taken at a time.
pub type Step = [f32; LANES];

/// The vector with which rows are compared, and the metric.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    pub(super) metric: Metric,
    pub(super) steps: &'a [Step],
    /// The inverse length of the query for cosine, and otherwise 1.
    pub(super) inverse: f32,
}

impl<'a> Query<'a> {
    /// Makes a query of a vector that is padded with zeros to a multiple of [`LANES`]. It need not be aligned.
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

/// Rows as they lie in memory, one after the other.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub(super) steps: &'a [Step],
    /// The inverse length of each row for cosine, and otherwise nothing.
    pub(super) inverse: &'a [f32],
}

impl<'a> Rows<'a> {
    /// Takes rows that are each padded with zeros to a multiple of [`LANES`]. They need not be aligned. `inverse` holds
    /// each row's inverse length, or nothing if the rows will not be searched by cosine.
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
