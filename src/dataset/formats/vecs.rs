// SPDX-License-Identifier: MIT OR Apache-2.0
//! The formats of the TEXMEX collections: each row is a little-endian u32 dimension and that many elements.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

use crate::dataset::element::Element;
use crate::dataset::fvecs;
use crate::dataset::rows::{Doubles, Rows};
use crate::dataset::{DIM_MAX, Fault, ReadError};

/// Opens a file in `.fvecs` format.
pub(super) fn open_fvecs(mut file: File) -> Result<Rows, ReadError> {
    let (rows, dim) = shape(&mut file, Element::F32)?;
    let mut input = BufReader::new(file);
    let mut decoded = vec![0.0; (dim as usize).min(DIM_MAX)];
    let read = move |index: usize, row: &mut [f32]| {
        fvecs::decode_row(&mut input, index, &mut decoded)?;
        row.copy_from_slice(&decoded);
        Ok(())
    };
    Rows::new(rows, dim.into(), Box::new(read))
}

/// Opens a file of rows with other elements than f32.
pub(super) fn open(mut file: File, element: Element, doubles: Doubles) -> Result<Rows, ReadError> {
    let (rows, dim) = shape(&mut file, element)?;
    let mut input = BufReader::new(file);
    let bytes = row_bytes(dim, element);
    let mut raw = vec![0; (dim as usize).min(DIM_MAX) * element.bytes()];
    let read = move |index: usize, row: &mut [f32]| {
        let before = index as u64 * bytes;
        let malformed = |fault| ReadError::Malformed { row: index, fault };
        let mut part = |part: &mut [u8]| {
            input.read_exact(part).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => malformed(Fault::HalfRow { before }),
                _ => ReadError::Io(error),
            })
        };
        let mut found = [0; 4];
        part(&mut found)?;
        let found = u32::from_le_bytes(found);
        if found != dim {
            return Err(malformed(Fault::DimensionChanges {
                expected: dim,
                found,
                before,
            }));
        }
        part(&mut raw)?;
        element.decode(index, &raw, row, doubles)
    };
    Rows::new(rows, dim.into(), Box::new(read))
}

/// How many rows there are, by the file's size, and the first row's dimension. Half a row counts as a row: reading it
/// says what is wrong.
fn shape(file: &mut File, element: Element) -> Result<(u64, u32), ReadError> {
    let bytes = file.metadata()?.len();
    if bytes == 0 {
        return Err(ReadError::Unsupported("it has no rows".into()));
    }
    let mut dim = [0; 4];
    file.read_exact(&mut dim)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ReadError::Malformed {
                row: 0,
                fault: Fault::HalfRow { before: 0 },
            },
            _ => ReadError::Io(error),
        })?;
    let dim = u32::from_le_bytes(dim);
    file.rewind()?;
    Ok((bytes.div_ceil(row_bytes(dim, element)), dim))
}

fn row_bytes(dim: u32, element: Element) -> u64 {
    4 + u64::from(dim) * element.bytes() as u64
}
