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
    table.check_end(&file)?;
    table.by_rows(file, doubles)
}
