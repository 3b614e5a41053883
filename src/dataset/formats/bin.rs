// SPDX-License-Identifier: MIT OR Apache-2.0
//! The formats of the big-ann benchmarks: u32 rows, u32 dimension, then all elements, little-endian.

use std::fs::File;

use super::table::{Table, read_header};
use crate::dataset::ReadError;
use crate::dataset::element::Element;
use crate::dataset::rows::{Doubles, Rows};

pub(super) fn open(mut file: File, element: Element, doubles: Doubles) -> Result<Rows, ReadError> {
    let mut header = [0; 8];
    read_header(&mut file, &mut header)?;
    let [rows, dim] = bytemuck::cast::<_, [[u8; 4]; 2]>(header).map(u32::from_le_bytes);
    let table = Table {
        offset: header.len() as u64,
        rows: rows.into(),
        dim: dim.into(),
        element,
        big_endian: false,
    };
    let halves = Table {
        element: Element::F16,
        ..table
    };
    // Half of a file that was cut off looks alike, so this is for a person to decide.
    if element == Element::F32 && halves.end() == Some(file.metadata()?.len()) && rows > 0 {
        return Err(ReadError::Unsupported(
            "it has just the bytes of 16-bit floats, or half of those of 32-bit ones: if they are 16-bit floats, let its \
             name end in .f16bin, or import it with --format f16bin"
                .into(),
        ));
    }
    table.check_end(&file)?;
    table.by_rows(file, doubles)
}
