// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors as bytes, and the integer distances between them (`docs/search.md`).

mod distance;
mod quantizer;

pub use distance::{Codes, Query};
pub use quantizer::Quantizer;

use super::index::{Malformed, demand};

/// The codes of a vector take a multiple of this many bytes.
pub const ALIGN: usize = 64;

/// Bytes of the codes of a vector.
pub fn stride(dim: usize) -> usize {
    dim.next_multiple_of(ALIGN)
}

/// Checks the codes of an index.
pub fn check(codes: &[i8], dim: usize) -> Result<(), Malformed> {
    let lowest = codes.iter().fold(0, |lowest, code| lowest.min(*code));
    demand(lowest >= -127, "a code is -128")?;
    demand(
        dim == stride(dim)
            || codes
                .chunks_exact(stride(dim))
                .all(|codes| codes[dim..].iter().all(|code| *code == 0)),
        "a code after the last of a vector is not 0",
    )
}
