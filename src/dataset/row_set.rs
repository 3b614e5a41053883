// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows to be searched, whichever way they are kept.

use super::{Matrix, Pieces};

/// Rows that lie one after the other, or in pieces.
#[derive(Clone, Copy)]
pub enum RowSet<'a> {
    Whole(&'a Matrix),
    Pieces(&'a Pieces),
}

impl<'a> RowSet<'a> {
    pub fn dim(self) -> usize {
        match self {
            RowSet::Whole(matrix) => matrix.dim(),
            RowSet::Pieces(pieces) => pieces.dim(),
        }
    }

    pub fn rows(self) -> usize {
        match self {
            RowSet::Whole(matrix) => matrix.rows(),
            RowSet::Pieces(pieces) => pieces.rows(),
        }
    }

    /// Returns row `row` without padding.
    pub fn row(self, row: usize) -> &'a [f32] {
        match self {
            RowSet::Whole(matrix) => matrix.row(row),
            RowSet::Pieces(pieces) => pieces.row(row),
        }
    }
}

impl<'a> From<&'a Matrix> for RowSet<'a> {
    fn from(matrix: &'a Matrix) -> Self {
        RowSet::Whole(matrix)
    }
}

/// Rows that nobody changed yet lie one after the other.
impl<'a> From<&'a Pieces> for RowSet<'a> {
    fn from(pieces: &'a Pieces) -> Self {
        pieces.whole().map_or(RowSet::Pieces(pieces), RowSet::Whole)
    }
}
