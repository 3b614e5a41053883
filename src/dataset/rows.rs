// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors that come row by row.

use super::{DIM_MAX, Fault, Matrix, ROWS_MAX, ReadError};

/// How 64-bit floats become 32-bit ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubles {
    /// Each is rounded to the nearest f32.
    Rounded,
    /// A float that is not exactly an f32 is a fault of its row.
    Exact,
}

impl Doubles {
    /// The f32 of a float, if it may become one.
    pub(super) fn narrow(self, wide: f64) -> Option<f32> {
        let narrow = wide as f32;
        // A NaN equals nothing, but has a fault of its own.
        let may = self == Doubles::Rounded || f64::from(narrow) == wide || wide.is_nan();
        may.then_some(narrow)
    }
}

/// Reads the elements of a row, given its number. Rows are asked for in order.
pub(super) type ReadRow = Box<dyn FnMut(usize, &mut [f32]) -> Result<(), ReadError>>;

/// A file of vectors whose header has been read.
pub struct Rows {
    pub dim: usize,
    pub rows: usize,
    read: ReadRow,
}

impl Rows {
    pub(super) fn new(rows: u64, dim: u64, read: ReadRow) -> Result<Self, ReadError> {
        let rows = usize::try_from(rows)
            .ok()
            .filter(|rows| *rows <= ROWS_MAX)
            .ok_or(ReadError::TooManyRows)?;
        match usize::try_from(dim) {
            Ok(dim @ 1..=DIM_MAX) => Ok(Rows { dim, rows, read }),
            _ => {
                let fault = Fault::Dimension(u32::try_from(dim).unwrap_or(u32::MAX));
                Err(ReadError::Malformed { row: 0, fault })
            }
        }
    }

    /// Reads the next row, which is `index`.
    pub fn read_row(&mut self, index: usize, row: &mut [f32]) -> Result<(), ReadError> {
        (self.read)(index, row)?;
        let malformed = |fault| Err(ReadError::Malformed { row: index, fault });
        Fault::in_values(row).map_or(Ok(()), malformed)
    }

    /// Reads the first `limit` rows, or all if there are fewer.
    pub fn read_first(mut self, limit: usize) -> Result<Matrix, ReadError> {
        let rows = self.rows.min(limit);
        let mut matrix = Matrix::new(self.dim);
        matrix.try_reserve(rows)?;
        let mut row = vec![0.0; self.dim];
        for index in 0..rows {
            self.read_row(index, &mut row)?;
            matrix.push(&row);
        }
        Ok(matrix)
    }
}
