// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other formats of vectors, turned into `.fvecs` row by row.

use std::fs::{File, Permissions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use npyz::{DType, NpyFile, Order, TypeChar};

use super::{DIM_MAX, Fault, FileError, ROWS_MAX, ReadError, fvecs};

/// Reads `input` in the format that its name ends in (`.npy` or `.fbin`), writes `output` as `.fvecs`, and returns the
/// number of rows. `output` appears complete or not at all.
pub fn import(input: &Path, output: &Path) -> Result<usize, FileError> {
    let mut source = open(input).map_err(|error| FileError::new(input, error))?;
    let cannot_write = |error| FileError::new(output, ReadError::Io(error));

    let folder = output
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let partial = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(cannot_write)?;
    let mut writer = BufWriter::new(partial.as_file());
    let mut row = vec![0.0; source.dim];
    for index in 0..source.rows {
        source
            .read_row(index, &mut row)
            .map_err(|error| FileError::new(input, error))?;
        fvecs::encode_row(&mut writer, &row).map_err(cannot_write)?;
    }
    writer.flush().map_err(cannot_write)?;
    drop(writer);
    partial
        .persist(output)
        .map_err(|error| cannot_write(error.error))?;
    Ok(source.rows)
}

/// Reads the elements of one row.
type ReadRow = Box<dyn FnMut(&mut [f32]) -> std::io::Result<()>>;

/// A file of vectors whose header has been read.
struct Source {
    dim: usize,
    rows: usize,
    read: ReadRow,
}

impl Source {
    fn new(rows: u64, dim: u64, read: ReadRow) -> Result<Self, ReadError> {
        let rows = usize::try_from(rows)
            .ok()
            .filter(|rows| *rows <= ROWS_MAX)
            .ok_or(ReadError::TooManyRows)?;
        match usize::try_from(dim) {
            Ok(dim @ 1..=DIM_MAX) => Ok(Source { dim, rows, read }),
            _ => {
                let fault = Fault::Dimension(u32::try_from(dim).unwrap_or(u32::MAX));
                Err(ReadError::Malformed { row: 0, fault })
            }
        }
    }

    fn read_row(&mut self, index: usize, row: &mut [f32]) -> Result<(), ReadError> {
        let malformed = |fault| ReadError::Malformed { row: index, fault };
        (self.read)(row).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => malformed(Fault::Truncated),
            _ => ReadError::Io(error),
        })?;
        Fault::in_values(row).map_or(Ok(()), |fault| Err(malformed(fault)))
    }
}

fn open(path: &Path) -> Result<Source, ReadError> {
    let file = || File::open(path).map(BufReader::new);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("npy") => open_npy(file()?),
        Some("fbin") => open_fbin(file()?),
        _ => Err(ReadError::Unsupported(
            "its name ends in neither .npy nor .fbin".into(),
        )),
    }
}

/// NumPy's format: two-dimensional, in C order, of f32 or f64 (each of which is rounded to the nearest f32).
fn open_npy(input: impl Read + 'static) -> Result<Source, ReadError> {
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
    let read = match element {
        Some(4) => reader(npy.data::<f32>().map_err(mismatch)?),
        Some(8) => reader(
            npy.data::<f64>()
                .map_err(mismatch)?
                .map(|value| Ok(value? as f32)),
        ),
        _ => {
            return Err(unsupported(format!(
                "its elements are {}; f32 or f64 are needed",
                npy.dtype().descr()
            )));
        }
    };
    Source::new(rows, dim, read)
}

/// Fills rows from a stream of elements.
fn reader(mut elements: impl Iterator<Item = std::io::Result<f32>> + 'static) -> ReadRow {
    Box::new(move |row| {
        for element in row {
            *element = elements
                .next()
                .unwrap_or_else(|| Err(std::io::ErrorKind::UnexpectedEof.into()))?;
        }
        Ok(())
    })
}

/// The format of the big-ann benchmarks: u32 rows, u32 dimension, then all elements, little-endian.
fn open_fbin(mut input: impl Read + 'static) -> Result<Source, ReadError> {
    let mut header = [0; 8];
    input.read_exact(&mut header)?;
    let [rows, dim] = bytemuck::cast::<_, [[u8; 4]; 2]>(header).map(u32::from_le_bytes);
    Source::new(
        rows.into(),
        dim.into(),
        Box::new(move |row| input.read_exact(bytemuck::cast_slice_mut(row))),
    )
}
