// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors: in memory, in files of several formats, and generated from a seed.

mod element;
pub mod formats;
pub mod fvecs;
pub mod hash;
pub mod hdf5;
pub mod length;
mod matrix;
mod mending;
mod names;
mod numpy_random;
mod pieces;
mod row_set;
pub mod rows;
pub mod source;
pub mod workload;

pub use matrix::{Matrix, same_bits};
pub use pieces::Pieces;
pub use row_set::RowSet;

use std::io;
use std::path::{Path, PathBuf};

/// The largest dimension of a vector, which `kernel/uapi/vexfs.h` also has.
pub const DIM_MAX: usize = 65536;
/// The most rows of a vector file: row ids are 32 bits wide.
pub const ROWS_MAX: usize = u32::MAX as usize;

/// What is wrong with one row of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the file ends in the middle of the row")]
    Truncated,
    /// A file of rows that each tell their dimension ends within a row, before which it has so many bytes.
    #[error("the file ends in the middle of the row")]
    HalfRow { before: u64 },
    #[error("its dimension is {0}, but it must be 1 to {DIM_MAX}")]
    Dimension(u32),
    #[error("its dimension is {found}, but the rows before it have {expected}")]
    DimensionChanges {
        expected: u32,
        found: u32,
        /// The bytes of the rows before.
        before: u64,
    },
    #[error("element {0} is not a number (NaN)")]
    NotANumber(usize),
    #[error("element {0} is infinite")]
    Infinite(usize),
    #[error("element {0} is a 64-bit float that no 32-bit one equals: convert the vectors to f32")]
    Inexact(usize),
    #[error("element {0} is an integer that no 32-bit float equals: scale the vectors down")]
    InexactInteger(usize),
    #[error("it has no finite length above 0, so it makes no angle with another")]
    NoLength,
}

impl Fault {
    /// Returns the fault of the first element that is not finite, if there is one.
    pub fn in_values(values: &[f32]) -> Option<Self> {
        // A branch for each element would be slow: rows are almost always good, and this runs over every byte that is
        // loaded.
        if values.iter().fold(true, |good, v| good & v.is_finite()) {
            return None;
        }
        let at = values.iter().position(|v| !v.is_finite())?;
        Some(if values[at].is_nan() {
            Fault::NotANumber(at)
        } else {
            Fault::Infinite(at)
        })
    }
}

/// Why vectors could not be read from a stream of bytes.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("row {row}: {fault}")]
    Malformed { row: usize, fault: Fault },
    #[error("more than {ROWS_MAX} rows")]
    TooManyRows,
    #[error("not enough memory for {0} rows")]
    OutOfMemory(usize),
    #[error("{0}")]
    Unsupported(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Why a file of vectors could not be read or written. The error names the file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}{}", file.display(), mending::of(file, cause))]
pub struct FileError {
    pub file: PathBuf,
    // Not offered as a source, whose text would be printed once more.
    pub cause: ReadError,
}

impl FileError {
    pub fn new(file: &Path, cause: impl Into<ReadError>) -> Self {
        FileError {
            file: file.to_path_buf(),
            cause: cause.into(),
        }
    }
}
