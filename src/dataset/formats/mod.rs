// SPDX-License-Identifier: MIT OR Apache-2.0
//! Opens files of vectors in any format that VexFS reads (`docs/own-data.md`): a file for each family of formats.

mod bin;
mod npy;
mod npz;
mod safetensors;
mod table;
mod text;
mod vecs;

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;

use clap::ValueEnum;

use super::element::Element;
use super::hdf5::{Hdf5, TRAIN};
use super::rows::{Doubles, Rows};
use super::{FileError, Matrix, ReadError};

/// A format, which the ending of a file's name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Rows of f32, each behind its dimension: what VexFS searches.
    Fvecs,
    /// Rows of u8, each behind its dimension.
    Bvecs,
    /// Rows of i32, each behind its dimension.
    Ivecs,
    /// NumPy's format.
    Npy,
    /// NumPy's archive of named arrays.
    Npz,
    /// A header of rows and dimension, then elements of f32.
    Fbin,
    /// A header of rows and dimension, then elements of f16.
    F16bin,
    /// A header of rows and dimension, then elements of u8.
    U8bin,
    /// A header of rows and dimension, then elements of i8.
    I8bin,
    /// HDF5, such as in the layout of ann-benchmarks.
    Hdf5,
    /// Hugging Face's format of named tensors.
    Safetensors,
    /// A vector on each line: a list of numbers, or an object with one.
    Jsonl,
    /// Numbers separated by commas.
    Csv,
    /// Numbers separated by tabs.
    Tsv,
}

impl Format {
    /// The format of a file with this name.
    pub fn of(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?;
        Some(match extension {
            "fvecs" => Format::Fvecs,
            "bvecs" => Format::Bvecs,
            "ivecs" => Format::Ivecs,
            "npy" => Format::Npy,
            "npz" => Format::Npz,
            "fbin" => Format::Fbin,
            "f16bin" => Format::F16bin,
            "u8bin" => Format::U8bin,
            "i8bin" => Format::I8bin,
            "hdf5" | "h5" => Format::Hdf5,
            "safetensors" => Format::Safetensors,
            "jsonl" | "ndjson" => Format::Jsonl,
            "csv" => Format::Csv,
            "tsv" => Format::Tsv,
            _ => return None,
        })
    }
}

/// Every ending of a name that tells a format.
const ENDINGS: &str = ".fvecs, .bvecs, .ivecs, .npy, .npz, .fbin, .f16bin, .u8bin, .i8bin, .hdf5, .h5, \
                       .safetensors, .jsonl, .ndjson, .csv, .tsv";

/// Opens a file in the format that its name ends in. `dataset` is the name of the dataset if it is an HDF5 file.
pub fn open(path: &Path, dataset: &str, doubles: Doubles) -> Result<Rows, ReadError> {
    let format = Format::of(path).ok_or_else(|| no_format(path))?;
    let file = File::open(path)?;
    let name = (format == Format::Hdf5).then_some(dataset);
    open_as(format, file, path, name, doubles)
}

/// The error of a file whose name tells no format, with the way out where there is one.
pub fn no_format(path: &Path) -> ReadError {
    let extension = path.extension().and_then(OsStr::to_str);
    ReadError::Unsupported(match extension {
        Some("arrow" | "feather" | "parquet") => "tables of Arrow are not read: in Python, \
            `numpy.save(\"vectors.npy\", numpy.stack(table[\"column\"]))` writes one of their columns as a file that is"
            .to_owned(),
        Some(packed @ ("gz" | "zst" | "xz" | "bz2")) => {
            let program = match packed {
                "gz" => "zcat",
                "zst" => "zstdcat",
                "xz" => "xzcat",
                _ => "bzcat",
            };
            format!("it is packed: `{program} FILE | vexfs dataset import - OUTPUT --format FORMAT` reads it")
        }
        _ => format!("its name ends in none of {ENDINGS}"),
    })
}

/// The error of a part that is named in a file of one table.
fn no_parts(format: Format) -> ReadError {
    ReadError::Unsupported(format!(
        "a file of the format {} has one table, without a name: leave --dataset out",
        format
            .to_possible_value()
            .map_or(String::new(), |value| value.get_name().to_owned())
    ))
}

/// Opens a regular file in this format. `name` is that of the part which is meant, where the format names its parts.
pub fn open_as(
    format: Format,
    file: File,
    path: &Path,
    name: Option<&str>,
    doubles: Doubles,
) -> Result<Rows, ReadError> {
    let has_parts = matches!(
        format,
        Format::Npz | Format::Hdf5 | Format::Safetensors | Format::Jsonl
    );
    if name.is_some() && !has_parts {
        return Err(no_parts(format));
    }
    match format {
        Format::Fvecs => vecs::open_fvecs(file),
        Format::Bvecs => vecs::open(file, Element::U8, doubles),
        Format::Ivecs => vecs::open(file, Element::I32, doubles),
        Format::Npy => npy::open(file, doubles),
        Format::Npz => npz::open(file, name, doubles),
        Format::Fbin => bin::open(file, Element::F32, doubles),
        Format::F16bin => bin::open(file, Element::F16, doubles),
        Format::U8bin => bin::open(file, Element::U8, doubles),
        Format::I8bin => bin::open(file, Element::I8, doubles),
        Format::Hdf5 => Hdf5::open(path)?.rows(name.unwrap_or(TRAIN), doubles),
        Format::Safetensors => safetensors::open(file, name, doubles),
        Format::Jsonl => text::open_json(file, name),
        Format::Csv => text::open_separated(file, b','),
        Format::Tsv => text::open_separated(file, b'\t'),
    }
}

/// Reads a whole file of vectors in the format that its name ends in.
pub fn read(path: &Path) -> Result<Matrix, FileError> {
    read_first(path, usize::MAX)
}

/// Reads the first `limit` rows, or all if there are fewer.
pub fn read_first(path: &Path, limit: usize) -> Result<Matrix, FileError> {
    open(path, TRAIN, Doubles::Rounded)
        .and_then(|rows| rows.read_first(limit))
        .map_err(|error| FileError::new(path, error))
}

/// Whether the name of a file says that it is HDF5.
pub fn is_hdf5(path: &Path) -> bool {
    Format::of(path) == Some(Format::Hdf5)
}
