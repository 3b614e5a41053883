// SPDX-License-Identifier: MIT OR Apache-2.0
//! Directions: vectors without their lengths.

use crate::dataset::Matrix;

/// Returns `rows` with each element multiplied by the inverse length of its row (`docs/arithmetic.md`).
pub fn of(rows: &Matrix) -> Matrix {
    let mut directions = Matrix::new(rows.dim());
    let mut direction = vec![0.0; rows.dim()];
    for (row, inverse) in rows.iter().zip(rows.inverse_lengths()) {
        for (element, x) in direction.iter_mut().zip(row) {
            *element = x * inverse;
        }
        directions.push(&direction);
    }
    directions
}
