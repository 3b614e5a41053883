// SPDX-License-Identifier: MIT OR Apache-2.0
//! HDF5 files: any table in them, and the layout of ann-benchmarks: `train`, `test`, `neighbors`, and an attribute that
//! names the distance.

use std::path::Path;

use hdf5_pure::{Dataset, Datatype, DatatypeByteOrder, File, FloatingPointLayout, Group};

use super::element::{Element, TYPES};
use super::names::listed;
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

    /// Returns the rows of a dataset with two axes. A dataset in a group is named by its path, such as `group/dataset`.
    pub fn rows(self, name: &str, doubles: Doubles) -> Result<Rows, ReadError> {
        if self.file.dataset(name).is_err() {
            let mut names = Vec::new();
            add_names(&self.file.root(), "", DEPTH, &mut names);
            // Links are not followed, and a group with one has no list at all.
            if let Err(error) = self.file.root().datasets() {
                return Err(ReadError::Unsupported(format!(
                    "`{name}` is no dataset of it that can be read, and its datasets cannot be listed, as where one of \
                     them is a link ({error}): name another one by `vexfs dataset import --dataset GROUP/NAME`"
                )));
            }
            if !names.iter().any(|known| known == name.trim_matches('/')) {
                return Err(ReadError::Unsupported(format!(
                    "it has no dataset `{name}`, but {}",
                    listed(&names)
                )));
            }
        }
        let (dataset, [rows, dim]) = self.table(name)?;
        let kind = dataset
            .datatype()
            .map_err(|error| unreadable(name, error))?;
        let (element, big_endian) = match element(&kind) {
            Some(element) => element,
            None => {
                let kind = dataset.dtype().map_err(|error| unreadable(name, error))?;
                return Err(ReadError::Unsupported(format!(
                    "the elements of its dataset `{name}` are {kind}; {TYPES}"
                )));
            }
        };
        let mut batches = Batches::new(dataset, name, dim as usize, element, big_endian)?;
        let read = move |index: usize, row: &mut [f32]| {
            element.decode(index, batches.row(index)?, row, doubles)
        };
        Rows::new(rows, dim, Box::new(read))
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

/// How deep groups are looked into for the names of datasets.
const DEPTH: usize = 8;

/// Adds the paths of the datasets in a group. What cannot be listed is left out.
fn add_names(group: &Group, path: &str, depth: usize, names: &mut Vec<String>) {
    let datasets = group.datasets().unwrap_or_default();
    names.extend(datasets.iter().map(|name| format!("{path}{name}")));
    if depth > 0 {
        for name in group.groups().unwrap_or_default() {
            if let Ok(inner) = group.group(&name) {
                add_names(&inner, &format!("{path}{name}/"), depth - 1, names);
            }
        }
    }
}

/// The type of a dataset's elements, and whether they are big-endian.
fn element(kind: &Datatype) -> Option<(Element, bool)> {
    let (element, order) = match kind {
        Datatype::FixedPoint {
            size,
            byte_order,
            layout,
        } if u32::from(layout.bit_precision) == 8 * size => {
            let element = match (layout.signed, size) {
                (true, 1) => Element::I8,
                (true, 2) => Element::I16,
                (true, 4) => Element::I32,
                (true, 8) => Element::I64,
                (false, 1) => Element::U8,
                (false, 2) => Element::U16,
                (false, 4) => Element::U32,
                (false, 8) => Element::U64,
                _ => return None,
            };
            (element, byte_order)
        }
        Datatype::FloatingPoint {
            byte_order, layout, ..
        } => {
            let element = match *layout {
                FloatingPointLayout::IEEE754_BINARY32 => Element::F32,
                FloatingPointLayout::IEEE754_BINARY64 => Element::F64,
                IEEE754_BINARY16 => Element::F16,
                _ => return None,
            };
            (element, byte_order)
        }
        _ => return None,
    };
    match order {
        DatatypeByteOrder::LittleEndian => Some((element, false)),
        DatatypeByteOrder::BigEndian => Some((element, true)),
        DatatypeByteOrder::Vax => None,
    }
}

const IEEE754_BINARY16: FloatingPointLayout = FloatingPointLayout {
    bit_offset: 0,
    bit_precision: 16,
    exponent_location: 10,
    exponent_size: 5,
    mantissa_location: 0,
    mantissa_size: 10,
    exponent_bias: 15,
};

/// A table of which some rows at a time are in memory, as little-endian elements.
struct Batches {
    dataset: Dataset,
    name: String,
    element: Element,
    big_endian: bool,
    /// How many bytes a row has.
    width: usize,
    /// How many rows a batch has.
    length: usize,
    first: usize,
    batch: Vec<u8>,
}

impl Batches {
    fn new(
        dataset: Dataset,
        name: &str,
        dim: usize,
        element: Element,
        big_endian: bool,
    ) -> Result<Self, ReadError> {
        let chunk = dataset
            .chunk_shape()
            .map_err(|error| unreadable(name, error))?;
        let chunk = chunk.and_then(|shape| shape.first().copied()).unwrap_or(1);
        let width = dim.saturating_mul(element.bytes());
        // A batch is a number of whole chunks, so that each chunk is decompressed once.
        let length = (BATCH / width.max(1) as u64)
            .max(1)
            .checked_next_multiple_of(chunk.max(1))
            .unwrap_or(chunk);
        Ok(Batches {
            dataset,
            name: name.to_owned(),
            element,
            big_endian,
            width,
            length: usize::try_from(length).unwrap_or(usize::MAX),
            first: 0,
            batch: Vec::new(),
        })
    }

    /// Returns row `index`, which is in this batch or begins the next one.
    fn row(&mut self, index: usize) -> Result<&[u8], ReadError> {
        let mut at = (index - self.first) * self.width;
        if at >= self.batch.len() {
            let read = self.dataset.read_raw_rows(index as u64, self.length as u64);
            self.batch = read.map_err(|error| unreadable(&self.name, error))?;
            if self.big_endian {
                let elements = self.batch.chunks_exact_mut(self.element.bytes());
                elements.for_each(<[u8]>::reverse);
            }
            self.first = index;
            at = 0;
        }
        let row = self.batch.get(at..at + self.width);
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
