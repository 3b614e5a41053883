// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of vectors in any format that is known here, row by row.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use npyz::{DType, NpyFile, Order, TypeChar};

use super::hdf5::Hdf5;
use super::{DIM_MAX, Fault, Matrix, ROWS_MAX, ReadError, fvecs};

/// What becomes of 64-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubles {
    /// Each is rounded to the nearest f32.
    Rounded,
    /// One that is not exactly an f32 is a fault of its row.
    Exact,
}

impl Doubles {
    /// The elements of row `index`.
    pub(super) fn convert(
        self,
        index: usize,
        from: &[f64],
        to: &mut [f32],
    ) -> Result<(), ReadError> {
        for (at, (from, to)) in from.iter().zip(to).enumerate() {
            *to = *from as f32;
            // A NaN, which equals nothing, has a fault of its own.
            if self == Doubles::Exact && f64::from(*to) != *from && !from.is_nan() {
                let fault = Fault::Inexact(at);
                return Err(ReadError::Malformed { row: index, fault });
            }
        }
        Ok(())
    }
}

/// Reads the elements of the row with this number. Rows are asked for in order.
type ReadRow = Box<dyn FnMut(usize, &mut [f32]) -> Result<(), ReadError>>;

/// A file of vectors whose header has been read.
pub struct Rows {
    pub dim: usize,
    pub rows: usize,
    read: ReadRow,
}

impl Rows {
    pub(super) fn new(rows: u64, dim: u64, read: ReadRow) -> Result<Self, ReadError> {
        let rows = usize::try_from(rows)
            .ok()
            .filter(|rows| *rows <= ROWS_MAX)
            .ok_or(ReadError::TooManyRows)?;
        match usize::try_from(dim) {
            Ok(dim @ 1..=DIM_MAX) => Ok(Rows { dim, rows, read }),
            _ => {
                let fault = Fault::Dimension(u32::try_from(dim).unwrap_or(u32::MAX));
                Err(ReadError::Malformed { row: 0, fault })
            }
        }
    }

    /// Reads the next row, which is `index`.
    pub fn read_row(&mut self, index: usize, row: &mut [f32]) -> Result<(), ReadError> {
        (self.read)(index, row)?;
        let malformed = |fault| Err(ReadError::Malformed { row: index, fault });
        Fault::in_values(row).map_or(Ok(()), malformed)
    }

    /// The first `limit` rows, or all if there are fewer.
    pub fn read_first(mut self, limit: usize) -> Result<Matrix, ReadError> {
        let rows = self.rows.min(limit);
        let mut matrix = Matrix::new(self.dim);
        matrix.try_reserve(rows)?;
        let mut row = vec![0.0; self.dim];
        for index in 0..rows {
            self.read_row(index, &mut row)?;
            matrix.push(&row);
        }
        Ok(matrix)
    }
}

/// Opens a file in the format that its name ends in. Of an HDF5 file it is the dataset of this name.
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

/// The file's own format: how many rows there are follows from its size and the first row's dimension.
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
    // Half a row counts: reading it says what is wrong.
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

/// NumPy's format: two-dimensional, in C order, of f32 or f64.
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

/// The format of the big-ann benchmarks: u32 rows, u32 dimension, then all elements, little-endian.
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

/// A file that ends within a row says so.
fn cut_short(row: usize, error: io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::Malformed {
            row,
            fault: Fault::Truncated,
        },
        _ => ReadError::Io(error),
    }
}
