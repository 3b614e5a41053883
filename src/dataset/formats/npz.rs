// SPDX-License-Identifier: MIT OR Apache-2.0
//! NumPy's archives of arrays: a ZIP file with a `.npy` file for each.

use std::fs::File;
use std::io::{self, BufReader, Seek};

use npyz::NpyFile;
use zip::ZipArchive;
use zip::result::ZipError;

use super::npy;
use crate::dataset::ReadError;
use crate::dataset::names::{listed, only};
use crate::dataset::rows::{Doubles, Rows};

const ENDING: &str = ".npy";

/// Opens the array `name`, or the only one with two axes.
pub(super) fn open(file: File, name: Option<&str>, doubles: Doubles) -> Result<Rows, ReadError> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(unreadable)?;
    let all: Vec<String> = archive
        .file_names()
        .filter_map(|name| Some(name.ok()?.strip_suffix(ENDING)?.to_owned()))
        .collect();
    let name = match name {
        Some(name) if all.iter().any(|known| known == name) => name.to_owned(),
        Some(name) => {
            return Err(ReadError::Unsupported(format!(
                "it has no array `{name}`, but {}",
                listed(&all)
            )));
        }
        None => {
            let mut tables = Vec::new();
            for name in &all {
                let entry = archive.by_name(&format!("{name}{ENDING}"));
                let array = NpyFile::new(entry.map_err(unreadable)?);
                // What is no array of numbers has no header that can be read.
                if array.is_ok_and(|array| array.shape().len() == 2) {
                    tables.push(name.clone());
                }
            }
            only(&tables, &all, "array").map_err(ReadError::Unsupported)?
        }
    };
    // An array is read at any place, and may be compressed: it is kept in a file without a name, in TMPDIR.
    let mut entry = archive
        .by_name(&format!("{name}{ENDING}"))
        .map_err(unreadable)?;
    let mut array = tempfile::tempfile()?;
    io::copy(&mut entry, &mut array).map_err(|error| {
        ReadError::Unsupported(format!(
            "its array `{name}` cannot be kept in TMPDIR, a place with room: {error}"
        ))
    })?;
    array.rewind()?;
    npy::open(array, doubles)
}

fn unreadable(error: ZipError) -> ReadError {
    match error {
        ZipError::Io(error) => ReadError::Io(error),
        other => ReadError::Unsupported(format!("it cannot be read as a ZIP file: {other}")),
    }
}
