// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors in memory, laid out for the distance kernels.

use std::sync::OnceLock;

use super::ReadError;
use super::length::{self, LANES};
use crate::system::huge_pages;

/// What the canonical arithmetic takes at a time, which is a cache line.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Block([f32; LANES]);

/// Rows of equal dimension, one after the other. Each starts on a cache line and is padded with zeros to a whole number
/// of blocks, which is what the canonical arithmetic computes with.
#[derive(Clone)]
pub struct Matrix {
    dim: usize,
    rows: usize,
    blocks: Vec<Block>,
    inverse: OnceLock<Vec<f32>>,
}

impl Matrix {
    /// Makes a matrix without rows, for rows of `dim` elements.
    pub fn new(dim: usize) -> Self {
        Matrix {
            dim,
            rows: 0,
            blocks: Vec::new(),
            inverse: OnceLock::new(),
        }
    }

    /// Makes a matrix of one row, which is how a query is held.
    pub fn from_row(row: &[f32]) -> Self {
        let mut matrix = Matrix::new(row.len());
        matrix.push(row);
        matrix
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Returns how many elements lie between the start of a row and the start of the next.
    pub fn stride(&self) -> usize {
        self.dim.next_multiple_of(LANES)
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Returns row `row` without padding.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.padded_row(row)[..self.dim]
    }

    /// Returns row `row` with its padding.
    pub fn padded_row(&self, row: usize) -> &[f32] {
        let stride = self.stride();
        &self.padded()[row * stride..(row + 1) * stride]
    }

    /// Returns all rows with their padding, one after the other.
    pub fn padded(&self) -> &[f32] {
        bytemuck::cast_slice(&self.blocks)
    }

    /// Returns the inverse length of each row, which is computed when it is first asked for (`docs/arithmetic.md`).
    pub fn inverse_lengths(&self) -> &[f32] {
        self.inverse.get_or_init(|| {
            (0..self.rows)
                .map(|row| length::inverse(self.padded_row(row)))
                .collect()
        })
    }

    /// Iterates over the rows in order, without padding.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        (0..self.rows).map(|row| self.row(row))
    }

    /// Makes room for `rows` more rows, or says that there is no memory for them.
    pub fn try_reserve(&mut self, rows: usize) -> Result<(), ReadError> {
        let had = self.blocks.capacity();
        let blocks = rows.checked_mul(self.stride() / LANES);
        blocks
            .and_then(|blocks| self.blocks.try_reserve(blocks).ok())
            .ok_or(ReadError::OutOfMemory(self.rows.saturating_add(rows)))?;
        if self.blocks.capacity() > had {
            huge_pages::prefer(self.blocks.spare_capacity_mut());
        }
        Ok(())
    }

    /// Takes rows that are padded with zeros, as [`Self::padded`] gives them.
    pub fn from_padded(dim: usize, padded: &[f32]) -> Self {
        let mut matrix = Matrix::new(dim);
        for row in padded.chunks_exact(dim.next_multiple_of(LANES)) {
            matrix.push(&row[..dim]);
        }
        matrix
    }

    /// Returns the rows of these numbers, in this order.
    pub fn pick(&self, numbers: impl IntoIterator<Item = usize>) -> Matrix {
        let mut picked = Matrix::new(self.dim);
        for number in numbers {
            picked.push(self.row(number));
        }
        picked
    }

    /// Appends a row. Panics if it does not have the matrix's dimension.
    pub fn push(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.dim, "a row of another dimension");
        let (whole, rest) = row.as_chunks::<LANES>();
        self.blocks.extend(whole.iter().map(|chunk| Block(*chunk)));
        if !rest.is_empty() {
            let mut last = [0.0; LANES];
            last[..rest.len()].copy_from_slice(rest);
            self.blocks.push(Block(last));
        }
        self.rows += 1;
        let number = self.rows - 1;
        if let Some(mut inverse) = self.inverse.take() {
            inverse.push(length::inverse(self.padded_row(number)));
            self.inverse = inverse.into();
        }
    }

    /// Puts other elements into row `number`. Panics if there are too few or too many, or if the row is not there.
    pub fn set(&mut self, number: usize, row: &[f32]) {
        assert_eq!(row.len(), self.dim, "a row of another dimension");
        let start = number * self.stride();
        let elements: &mut [f32] = bytemuck::cast_slice_mut(&mut self.blocks);
        elements[start..start + self.dim].copy_from_slice(row);
        if let Some(mut inverse) = self.inverse.take() {
            inverse[number] = length::inverse(self.padded_row(number));
            self.inverse = inverse.into();
        }
    }

    /// Leaves the first `rows` rows, if there are more.
    pub fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        self.blocks.truncate(self.rows * (self.stride() / LANES));
        if let Some(inverse) = self.inverse.get_mut() {
            inverse.truncate(rows);
        }
    }

    /// Splits the matrix into its first `rows` rows and the others.
    pub fn split_at(mut self, rows: usize) -> (Matrix, Matrix) {
        let mut rest = Matrix::new(self.dim);
        rest.rows = self.rows - rows;
        rest.blocks = self.blocks.split_off(rows * (self.stride() / LANES));
        self.rows = rows;
        self.inverse.take();
        (self, rest)
    }

    /// Whether both matrices have equal rows, to the bit: `-0.0` is not `0.0` here.
    pub fn same_bits(&self, other: &Matrix) -> bool {
        self.dim == other.dim && same_bits(self.padded(), other.padded())
    }
}

/// Whether the elements are equal to the bit.
pub fn same_bits(one: &[f32], other: &[f32]) -> bool {
    bytemuck::cast_slice::<_, u8>(one) == bytemuck::cast_slice::<_, u8>(other)
}

impl std::fmt::Debug for Matrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Matrix({} x {})", self.rows, self.dim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_aligned_and_padded_with_zeros() {
        for dim in [1, 15, 16, 17, 128, 4000] {
            let mut matrix = Matrix::new(dim);
            for row in 0..3 {
                matrix.push(&vec![row as f32 + 1.0; dim]);
            }
            assert_eq!(matrix.rows(), 3);
            for (i, row) in matrix.iter().enumerate() {
                assert_eq!(row, vec![i as f32 + 1.0; dim]);
                let padded = matrix.padded_row(i);
                assert_eq!(
                    padded.as_ptr() as usize % 64,
                    0,
                    "row {i} of dimension {dim}"
                );
                assert!(padded[dim..].iter().all(|pad| pad.to_bits() == 0));
            }
        }
    }

    #[test]
    fn inverse_lengths_are_those_of_all_rows() {
        let mut matrix = Matrix::from_row(&[3.0, 4.0]);
        assert_eq!(matrix.inverse_lengths(), [0.2]);
        matrix.push(&[0.0, 0.0]);
        assert_eq!(matrix.inverse_lengths(), [0.2, 0.0]);
    }

    #[test]
    fn lengths_follow_the_rows() {
        let mut matrix = Matrix::from_row(&[3.0, 4.0]);
        matrix.push(&[0.0, 2.0]);
        assert_eq!(matrix.inverse_lengths(), [0.2, 0.5]);
        matrix.set(0, &[0.0, 4.0]);
        matrix.push(&[1.0, 0.0]);
        assert_eq!(matrix.inverse_lengths(), [0.25, 0.5, 1.0]);
        matrix.truncate(1);
        assert_eq!((matrix.rows(), matrix.row(0)), (1, &[0.0, 4.0][..]));
        assert_eq!(matrix.inverse_lengths(), [0.25]);
        matrix.push(&[0.0, 8.0]);
        assert_eq!(matrix.padded().len(), 2 * LANES);
        assert_eq!(matrix.inverse_lengths(), [0.25, 0.125]);
    }

    #[test]
    fn both_parts_of_a_matrix_have_rows_and_lengths_of_their_own() {
        let mut whole = Matrix::new(17);
        for row in 1..=5 {
            whole.push(&[row as f32; 17]);
        }
        let lengths = whole.inverse_lengths().to_owned();
        let (first, rest) = whole.split_at(3);
        assert_eq!((first.rows(), rest.rows()), (3, 2));
        assert_eq!(first.row(2), [3.0; 17]);
        assert_eq!(rest.row(1), [5.0; 17]);
        assert_eq!(first.inverse_lengths(), &lengths[..3]);
        assert_eq!(rest.inverse_lengths(), &lengths[3..]);
    }

    #[test]
    fn bits_are_compared_not_values() {
        assert!(Matrix::from_row(&[1.0, 2.0]).same_bits(&Matrix::from_row(&[1.0, 2.0])));
        assert!(!Matrix::from_row(&[0.0]).same_bits(&Matrix::from_row(&[-0.0])));
        assert!(
            !Matrix::from_row(&[1.0]).same_bits(&Matrix::from_row(&[1.0, 0.0])),
            "padding is no element"
        );
    }
}
