// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operands of distances: a query and rows, as they lie in memory.

use std::ops::Range;

use crate::anns::Metric;
use crate::dataset::length::{self, LANES};
use crate::dataset::{Matrix, Pieces, RowSet};

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

/// Rows as they lie in memory: one after the other, or in pieces.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub(super) steps: &'a [Step],
    /// The inverse length of each row for cosine, and otherwise nothing.
    pub(super) inverse: &'a [f32],
    /// Where they are, if they do not lie one after the other: then nothing is above.
    pub(super) pieces: Option<&'a Pieces>,
}

impl<'a> Rows<'a> {
    /// Takes rows that are each padded with zeros to a multiple of [`LANES`]. They need not be aligned. `inverse` holds
    /// each row's inverse length, or nothing if the rows will not be searched by cosine.
    pub fn new(padded: &'a [f32], inverse: &'a [f32]) -> Self {
        let (steps, rest) = padded.as_chunks();
        assert!(rest.is_empty(), "rows without padding");
        Rows {
            steps,
            inverse,
            pieces: None,
        }
    }

    pub fn of(rows: impl Into<RowSet<'a>>, metric: Metric) -> Self {
        match rows.into() {
            RowSet::Whole(matrix) => Rows::of_matrix(matrix, metric),
            RowSet::Pieces(pieces) => Rows {
                steps: &[],
                inverse: &[],
                pieces: Some(pieces),
            },
        }
    }

    pub(super) fn of_matrix(rows: &'a Matrix, metric: Metric) -> Self {
        let inverse = match metric {
            Metric::Cosine => rows.inverse_lengths(),
            _ => &[],
        };
        Rows::new(rows.padded(), inverse)
    }

    /// Returns the first rows of a range that lie one after the other, and how many these are.
    pub(super) fn one_after_the_other(
        self,
        query: &Query,
        range: Range<usize>,
    ) -> (usize, Rows<'a>) {
        let (rows, first, count) = match self.pieces {
            None => (self, range.start, range.len()),
            Some(pieces) => {
                let (matrix, first) = pieces.place(range.start);
                let left = pieces.per_piece() - range.start % pieces.per_piece();
                let rows = Rows::of_matrix(matrix, query.metric);
                (rows, first, range.len().min(left))
            }
        };
        let steps = query.steps.len();
        let part = Rows {
            steps: &rows.steps[first * steps..][..count * steps],
            inverse: match query.metric {
                Metric::Cosine => &rows.inverse[first..][..count],
                _ => &[],
            },
            pieces: None,
        };
        (count, part)
    }

    /// Returns row `number`, which has so many steps.
    #[inline(always)]
    pub(super) fn row(self, number: usize, steps: usize) -> &'a [Step] {
        match self.pieces {
            None => &self.steps[number * steps..][..steps],
            Some(pieces) => pieces.padded_row(number).as_chunks().0,
        }
    }

    /// Returns the inverse length of row `number`, for cosine.
    #[inline(always)]
    pub(super) fn inverse(self, number: usize) -> f32 {
        match self.pieces {
            None => self.inverse[number],
            Some(pieces) => pieces.inverse_length(number),
        }
    }
}
