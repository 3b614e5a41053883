// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns vectors in other formats into `.fvecs`, row by row.

use std::fs::Permissions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::formats;
use super::rows::Doubles;
use super::{FileError, ReadError, fvecs};

/// Reads `input` in the format that its name ends in (`docs/own-data.md`), writes `output` as `.fvecs`, and returns the
/// number of rows. `dataset` is the name of the dataset if `input` is an HDF5 file.
///
/// `output` appears complete or not at all.
pub fn import(input: &Path, dataset: &str, output: &Path) -> Result<usize, FileError> {
    let cannot_read = |error| FileError::new(input, error);
    let cannot_write = |error| FileError::new(output, ReadError::Io(error));
    let mut source = formats::open(input, dataset, Doubles::Rounded).map_err(cannot_read)?;

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
        source.read_row(index, &mut row).map_err(cannot_read)?;
        fvecs::encode_row(&mut writer, &row).map_err(cannot_write)?;
    }
    writer.flush().map_err(cannot_write)?;
    drop(writer);
    partial
        .persist(output)
        .map_err(|error| cannot_write(error.error))?;
    Ok(source.rows)
}
