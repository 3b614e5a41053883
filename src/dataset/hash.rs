// SPDX-License-Identifier: MIT OR Apache-2.0
//! The identity of a set of vectors: BLAKE3 of its little-endian f32 rows, one after the other, without headers.

use super::Matrix;

pub fn rows(matrix: &Matrix) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for row in matrix.iter() {
        hasher.update(bytemuck::cast_slice(row));
    }
    hasher.finalize()
}
