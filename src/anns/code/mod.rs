// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors as bytes, and the integer distances between them (`docs/search.md`).

use crate::anns::file::{Malformed, demand};

mod distance;
mod fitness;
mod layout;
mod quantizer;

pub use distance::{Codes, Query};
pub use fitness::{equal_codes, equal_rows, fit};
pub use layout::{ALIGN, stride};
pub use quantizer::Quantizer;

/// Checks the codes of an index, whose vectors have `dim` elements.
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
