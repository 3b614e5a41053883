// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fingerprints of blocks of rows, by which an index tells which of the rows that it covers were changed.

use crate::dataset::RowSet;

/// Rows of a block.
pub const BLOCK_ROWS: usize = 256;

/// How many blocks these rows fill, the last one in part.
pub fn count(rows: u64) -> u64 {
    rows.div_ceil(BLOCK_ROWS as u64)
}

/// Returns the fingerprint of one block of the first `covered` rows.
pub fn fingerprint(rows: RowSet, covered: usize, block: usize) -> u32 {
    let first = block * BLOCK_ROWS;
    (first..covered.min(first + BLOCK_ROWS)).fold(0, |crc, row| {
        crc32c::crc32c_append(crc, bytemuck::cast_slice(rows.row(row)))
    })
}

/// Returns the fingerprints of all blocks of the first `covered` rows.
pub fn fingerprints(rows: RowSet, covered: usize) -> Vec<u32> {
    let blocks = covered.div_ceil(BLOCK_ROWS);
    (0..blocks)
        .map(|block| fingerprint(rows, covered, block))
        .collect()
}
