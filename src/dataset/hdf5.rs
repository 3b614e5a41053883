// SPDX-License-Identifier: MIT OR Apache-2.0
//! HDF5 files in the layout of ann-benchmarks: `train`, `test`, `neighbors`, and an attribute that names the distance.

use std::path::Path;

use hdf5_pure::{DType, Dataset, File};

use super::rows::{Doubles, Rows};
use super::{Fault, ReadError};

pub const TRAIN: &str = "train";
pub const TEST: &str = "test";
const NEIGHBORS: &str = "neighbors";
const DISTANCE: &str = "distance";

/// About how many bytes are read at a time.
const BATCH: u64 = 4 << 20;

pub struct Hdf5 {
    file: File,
}

impl Hdf5 {
    /// Opens a file. No more of it is read than what is asked for.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        // Errors of the filesystem come from this call, and are the same for every format.
        std::fs::File::open(path)?;
        let file = File::open_streaming(path).map_err(|error| {
            ReadError::Unsupported(format!("it cannot be read as HDF5: {error}"))
        })?;
        Ok(Hdf5 { file })
    }

    pub fn has(&self, dataset: &str) -> Result<bool, ReadError> {
        let names = self.file.root().datasets().map_err(|error| {
            ReadError::Unsupported(format!("its datasets cannot be listed: {error}"))
        })?;
        Ok(names.iter().any(|name| name == dataset))
    }

    /// Returns the rows of a dataset, which has two axes and elements of f32 or f64.
    pub fn rows(self, name: &str, doubles: Doubles) -> Result<Rows, ReadError> {
        if !self.has(name)? {
            return Err(ReadError::Unsupported(format!(
                "it has no dataset `{name}`"
            )));
        }
        let (dataset, [rows, dim]) = self.table(name)?;
        let element = dataset.dtype().map_err(|error| unreadable(name, error))?;
        let batches = (dataset, name, dim as usize);
        match element {
            DType::F32 => {
                let mut narrow = Batches::new(batches, Dataset::read_f32_rows)?;
                let read = move |index: usize, row: &mut [f32]| {
                    row.copy_from_slice(narrow.row(index)?);
                    Ok(())
                };
                Rows::new(rows, dim, Box::new(read))
            }
            DType::F64 => {
                let mut wide = Batches::new(batches, Dataset::read_f64_rows)?;
                let read = move |index: usize, row: &mut [f32]| {
                    doubles.convert(index, wide.row(index)?, row)
                };
                Rows::new(rows, dim, Box::new(read))
            }
            other => Err(ReadError::Unsupported(format!(
                "the elements of its dataset `{name}` are {other}; f32 or f64 are needed"
            ))),
        }
    }

    /// Returns the value of the attribute `distance`, such as `euclidean`, if there is one.
    pub fn distance(&self) -> Result<Option<String>, ReadError> {
        let unsupported = |what: String| ReadError::Unsupported(what);
        let attributes = self
            .file
            .root()
            .attrs()
            .map_err(|error| unsupported(format!("its attributes cannot be read: {error}")))?;
        let Some(value) = attributes.get(DISTANCE) else {
            return Ok(None);
        };
        let text = value.as_str().ok_or_else(|| {
            unsupported(format!("its attribute `{DISTANCE}` is no text: {value:?}"))
        })?;
        Ok(Some(text.to_owned()))
    }

    /// Returns the first `columns` exact neighbours of each of the first `queries` queries, if the file has any.
    pub fn neighbors(
        &self,
        queries: usize,
        columns: usize,
    ) -> Result<Option<Vec<Vec<i64>>>, ReadError> {
        if !self.has(NEIGHBORS)? {
            return Ok(None);
        }
        let (dataset, [rows, width]) = self.table(NEIGHBORS)?;
        if (rows as usize) < queries || width == 0 {
            return Err(ReadError::Unsupported(format!(
                "its dataset `{NEIGHBORS}` is {rows} x {width}, too few for {queries} queries"
            )));
        }
        let ids = dataset
            .read_i64_rows(0, queries as u64)
            .map_err(|error| unreadable(NEIGHBORS, error))?;
        let lists = ids.chunks(width as usize);
        Ok(Some(
            lists
                .map(|list| list[..columns.min(list.len())].to_vec())
                .collect(),
        ))
    }

    fn table(&self, name: &str) -> Result<(Dataset, [u64; 2]), ReadError> {
        let dataset = self
            .file
            .dataset(name)
            .map_err(|error| unreadable(name, error))?;
        let shape = dataset.shape().map_err(|error| unreadable(name, error))?;
        match shape.as_slice() {
            &[rows, columns] => Ok((dataset, [rows, columns])),
            other => Err(ReadError::Unsupported(format!(
                "its dataset `{name}` has {} axes; two are needed",
                other.len()
            ))),
        }
    }
}

/// A table of which some rows at a time are in memory.
struct Batches<T> {
    dataset: Dataset,
    name: String,
    dim: usize,
    read: ReadRows<T>,
    /// How many rows a batch has.
    length: usize,
    first: usize,
    batch: Vec<T>,
}

/// Reads rows of a dataset: the first argument is the first row, the second one the number of rows.
type ReadRows<T> = fn(&Dataset, u64, u64) -> Result<Vec<T>, hdf5_pure::Error>;

impl<T> Batches<T> {
    fn new(
        (dataset, name, dim): (Dataset, &str, usize),
        read: ReadRows<T>,
    ) -> Result<Self, ReadError> {
        let chunk = dataset
            .chunk_shape()
            .map_err(|error| unreadable(name, error))?;
        let chunk = chunk.and_then(|shape| shape.first().copied()).unwrap_or(1);
        // A batch is a number of whole chunks, so that each chunk is decompressed once.
        let length = BATCH / (dim.max(1) * size_of::<T>()) as u64;
        let length = length
            .max(1)
            .checked_next_multiple_of(chunk.max(1))
            .unwrap_or(chunk);
        Ok(Batches {
            dataset,
            name: name.to_owned(),
            dim,
            read,
            length: usize::try_from(length).unwrap_or(usize::MAX),
            first: 0,
            batch: Vec::new(),
        })
    }

    /// Returns row `index`, which is in this batch or begins the next one.
    fn row(&mut self, index: usize) -> Result<&[T], ReadError> {
        let mut at = (index - self.first) * self.dim;
        if at >= self.batch.len() {
            let read = (self.read)(&self.dataset, index as u64, self.length as u64);
            self.batch = read.map_err(|error| unreadable(&self.name, error))?;
            self.first = index;
            at = 0;
        }
        let row = self.batch.get(at..at + self.dim);
        row.ok_or(ReadError::Malformed {
            row: index,
            fault: Fault::Truncated,
        })
    }
}

fn unreadable(name: &str, error: hdf5_pure::Error) -> ReadError {
    ReadError::Unsupported(format!(
        "its dataset `{name}` cannot be read ({error}): if h5py can, write it anew with h5py's defaults"
    ))
}
