// SPDX-License-Identifier: MIT OR Apache-2.0
//! NumPy's format: an array with two axes, of any kind of real number, in either order.

use std::fs::File;
use std::io::{self, Seek};

use npyz::{DType, Endianness, NpyFile, Order, TypeChar};

use super::table::{Table, header_cut_short};
use crate::dataset::ReadError;
use crate::dataset::element::{Element, TYPES};
use crate::dataset::rows::{Doubles, Rows};

pub(super) fn open(mut file: File, doubles: Doubles) -> Result<Rows, ReadError> {
    let npy = NpyFile::new(&file).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => header_cut_short(),
        io::ErrorKind::InvalidData => {
            ReadError::Unsupported(format!("it cannot be read as NumPy's format: {error}"))
        }
        _ => ReadError::Io(error),
    })?;
    let &[rows, dim] = npy.shape() else {
        return Err(ReadError::Unsupported(format!(
            "the array has {} axes; two are needed, rows and elements",
            npy.shape().len()
        )));
    };
    let dtype = npy.dtype();
    let (element, big_endian) = element(&dtype).ok_or_else(|| {
        ReadError::Unsupported(format!("its elements are {}; {TYPES}", dtype.descr()))
    })?;
    let order = npy.order();
    let table = Table {
        offset: file.stream_position()?,
        rows,
        dim,
        element,
        big_endian,
    };
    table.check_end(&file)?;
    match order {
        Order::C => table.by_rows(file, doubles),
        Order::Fortran => table.by_columns(file, doubles),
    }
}

/// The type of an array's elements, and whether they are big-endian.
fn element(dtype: &DType) -> Option<(Element, bool)> {
    let DType::Plain(kind) = dtype else {
        return None;
    };
    let element = match (kind.type_char(), kind.num_bytes()?) {
        (TypeChar::Float, 2) => Element::F16,
        (TypeChar::Float, 4) => Element::F32,
        (TypeChar::Float, 8) => Element::F64,
        (TypeChar::Int, 1) => Element::I8,
        (TypeChar::Int, 2) => Element::I16,
        (TypeChar::Int, 4) => Element::I32,
        (TypeChar::Int, 8) => Element::I64,
        (TypeChar::Uint, 1) => Element::U8,
        (TypeChar::Uint, 2) => Element::U16,
        (TypeChar::Uint, 4) => Element::U32,
        (TypeChar::Uint, 8) => Element::U64,
        _ => return None,
    };
    Some((element, kind.endianness() == Endianness::Big))
}
