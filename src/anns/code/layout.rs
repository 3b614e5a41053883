// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the codes of a vector lie.

/// The codes of a vector take a multiple of this many bytes.
pub const ALIGN: usize = 64;

/// Bytes of the codes of a vector.
pub fn stride(dim: usize) -> usize {
    dim.next_multiple_of(ALIGN)
}
