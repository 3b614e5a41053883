// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `.fvecs` format: each row is a little-endian u32 dimension and that many little-endian f32 elements.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::{DIM_MAX, Fault, FileError, Matrix, ROWS_MAX, ReadError};

const BUFFER: usize = 256 << 10;

/// Reads a whole `.fvecs` file.
pub fn read(path: &Path) -> Result<Matrix, FileError> {
    File::open(path)
        .map_err(ReadError::from)
        .and_then(|file| {
            let bytes = file.metadata()?.len();
            decode(file, bytes)
        })
        .map_err(|error| FileError::new(path, error))
}

/// Decodes rows up to the end of `input`, which is expected to hold about `bytes` bytes: memory is reserved for that
/// many.
///
/// An empty input gives a matrix without rows, of dimension 0.
pub fn decode(input: impl Read, bytes: u64) -> Result<Matrix, ReadError> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut matrix = Matrix::new(0);
    let mut row = Vec::new();
    while !at_end(&mut input)? {
        let index = matrix.rows();
        if index == ROWS_MAX {
            return Err(ReadError::TooManyRows);
        }
        decode_row(&mut input, index, &mut row)?;
        if index == 0 {
            matrix = Matrix::new(row.len());
            let rows = rows_in(bytes, row.len());
            if rows > ROWS_MAX {
                return Err(ReadError::TooManyRows);
            }
            matrix.try_reserve(rows)?;
        }
        matrix.try_reserve(1)?;
        matrix.push(&row);
    }
    Ok(matrix)
}

/// Decodes the row with number `index`. It must be as long as `row`; any dimension will do if `row` is empty.
pub fn decode_row(
    input: &mut impl Read,
    index: usize,
    row: &mut Vec<f32>,
) -> Result<(), ReadError> {
    let malformed = |fault| ReadError::Malformed { row: index, fault };
    let mut dim = [0; 4];
    let before = index as u64 * row_bytes(row.len());
    read_part(input, &mut dim, index, before)?;
    let dim = u32::from_le_bytes(dim);
    if !(1..=DIM_MAX).contains(&(dim as usize)) {
        return Err(malformed(Fault::Dimension(dim)));
    }
    if row.is_empty() {
        row.resize(dim as usize, 0f32);
    } else if dim as usize != row.len() {
        return Err(malformed(Fault::DimensionChanges {
            expected: row.len() as u32,
            found: dim,
            before,
        }));
    }
    read_part(input, bytemuck::cast_slice_mut(row), index, before)?;
    Fault::in_values(row).map_or(Ok(()), |fault| Err(malformed(fault)))
}

/// Returns how many whole rows of dimension `dim` are in `bytes` bytes.
fn rows_in(bytes: u64, dim: usize) -> usize {
    usize::try_from(bytes / row_bytes(dim)).unwrap_or(usize::MAX)
}

/// Returns how many bytes a row of dimension `dim` takes in a file.
pub fn row_bytes(dim: usize) -> u64 {
    4 + 4 * dim as u64
}

fn at_end(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            filled => return Ok(filled?.is_empty()),
        }
    }
}

fn read_part(
    input: &mut impl Read,
    part: &mut [u8],
    row: usize,
    before: u64,
) -> Result<(), ReadError> {
    input.read_exact(part).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::Malformed {
            row,
            fault: Fault::HalfRow { before },
        },
        _ => ReadError::Io(error),
    })
}

/// Appends one row to `output`.
pub fn encode_row(output: &mut impl Write, row: &[f32]) -> io::Result<()> {
    output.write_all(&(row.len() as u32).to_le_bytes())?;
    output.write_all(bytemuck::cast_slice(row))
}

/// Writes the rows of `matrix` to `output`.
pub fn encode(output: &mut impl Write, matrix: &Matrix) -> io::Result<()> {
    matrix.iter().try_for_each(|row| encode_row(output, row))
}

/// Writes `matrix` to a new file, or over an old one.
pub fn write(path: &Path, matrix: &Matrix) -> Result<(), FileError> {
    let written = File::create(path).and_then(|file| {
        let mut output = BufWriter::with_capacity(BUFFER, file);
        encode(&mut output, matrix)?;
        output.flush()
    });
    written.map_err(|error| FileError::new(path, error))
}
