// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opens files of vectors in any format that VexFS reads.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use npyz::{DType, NpyFile, Order, TypeChar};

use super::hdf5::Hdf5;
use super::rows::{Doubles, ReadRow, Rows};
use super::{DIM_MAX, Fault, ReadError, fvecs};

/// Opens a file in the format that its name ends in. `dataset` is the name of the dataset if it is an HDF5 file.
pub fn open(path: &Path, dataset: &str, doubles: Doubles) -> Result<Rows, ReadError> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("fvecs") => open_fvecs(File::open(path)?),
        Some("npy") => open_npy(BufReader::new(File::open(path)?), doubles),
        Some("fbin") => open_fbin(BufReader::new(File::open(path)?)),
        Some(HDF5 | H5) => Hdf5::open(path)?.rows(dataset, doubles),
        _ => Err(ReadError::Unsupported(
            "its name ends in none of .fvecs, .npy, .fbin, .hdf5, .h5".into(),
        )),
    }
}

const HDF5: &str = "hdf5";
const H5: &str = "h5";

/// Whether the name of a file says that it holds several datasets.
pub fn is_hdf5(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some(HDF5 | H5))
}

/// Opens a file in `.fvecs` format. How many rows there are follows from its size and the first row's dimension.
fn open_fvecs(mut file: File) -> Result<Rows, ReadError> {
    let bytes = file.metadata()?.len();
    if bytes == 0 {
        return Err(ReadError::Unsupported("it has no rows".into()));
    }
    let mut dim = [0; 4];
    file.read_exact(&mut dim)
        .map_err(|error| cut_short(0, error))?;
    let dim = u32::from_le_bytes(dim);
    file.rewind()?;
    let mut input = BufReader::new(file);
    let mut decoded = vec![0.0; (dim as usize).min(DIM_MAX)];
    // Half a row counts as a row: reading it says what is wrong.
    Rows::new(
        bytes.div_ceil(fvecs::row_bytes(dim as usize)),
        dim.into(),
        Box::new(move |index, row| {
            fvecs::decode_row(&mut input, index, &mut decoded)?;
            row.copy_from_slice(&decoded);
            Ok(())
        }),
    )
}

/// Opens a file in NumPy's format: two-dimensional, in C order, of f32 or f64.
fn open_npy(input: impl Read + 'static, doubles: Doubles) -> Result<Rows, ReadError> {
    let unsupported = |what: String| ReadError::Unsupported(what);
    let npy = NpyFile::new(input)?;
    let &[rows, dim] = npy.shape() else {
        return Err(unsupported(format!(
            "the array has {} axes; two are needed, rows and elements",
            npy.shape().len()
        )));
    };
    if npy.order() != Order::C {
        return Err(unsupported(
            "the array is in Fortran order; save numpy.ascontiguousarray(it) instead".into(),
        ));
    }
    let element = match npy.dtype() {
        DType::Plain(element) if element.type_char() == TypeChar::Float => element.num_bytes(),
        _ => None,
    };
    let mismatch = |error: npyz::DTypeError| unsupported(error.to_string());
    let read: ReadRow = match element {
        Some(4) => {
            let mut elements = npy.data::<f32>().map_err(mismatch)?;
            Box::new(move |index, row| fill(&mut elements, index, row))
        }
        Some(8) => {
            let mut elements = npy.data::<f64>().map_err(mismatch)?;
            let mut wide = Vec::new();
            Box::new(move |index, row| {
                wide.resize(row.len(), 0.0);
                fill(&mut elements, index, &mut wide)?;
                doubles.convert(index, &wide, row)
            })
        }
        _ => {
            return Err(unsupported(format!(
                "its elements are {}; f32 or f64 are needed",
                npy.dtype().descr()
            )));
        }
    };
    Rows::new(rows, dim, read)
}

/// Fills a row from a stream of elements.
fn fill<T>(
    elements: &mut impl Iterator<Item = io::Result<T>>,
    index: usize,
    row: &mut [T],
) -> Result<(), ReadError> {
    for element in row {
        *element = elements
            .next()
            .unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))
            .map_err(|error| cut_short(index, error))?;
    }
    Ok(())
}

/// Opens a file in the format of the big-ann benchmarks: u32 rows, u32 dimension, then all elements, little-endian.
fn open_fbin(mut input: impl Read + 'static) -> Result<Rows, ReadError> {
    let mut header = [0; 8];
    input.read_exact(&mut header)?;
    let [rows, dim] = bytemuck::cast::<_, [[u8; 4]; 2]>(header).map(u32::from_le_bytes);
    Rows::new(
        rows.into(),
        dim.into(),
        Box::new(move |index, row| {
            let read = input.read_exact(bytemuck::cast_slice_mut(row));
            read.map_err(|error| cut_short(index, error))
        }),
    )
}

/// Turns an early end of the file into the fault of the row.
fn cut_short(row: usize, error: io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::Malformed {
            row,
            fault: Fault::Truncated,
        },
        _ => ReadError::Io(error),
    }
}
