// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs index verify`

use std::path::PathBuf;

use anyhow::{bail, ensure};

use super::files::{Found, check_dim, find, nothing_found};
use crate::anns::index::Kind;
use crate::cli::vexfs::output::print_line;
use crate::dataset::{Matrix, fvecs};
use crate::store::index_file;

/// Check the indexes of a vector file: every byte of them, and whether the rows are those that they were built from.
///
/// Exit status: 0 if all that are there are sound and belong to the rows. It is 1 if one does not (the reason is on
/// standard error), or if there is none.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vector file.
    file: PathBuf,
    /// Only the index of this kind.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let vectors = &arguments.file;
    let found = find(vectors, arguments.kind)?;
    ensure!(!found.is_empty(), nothing_found(vectors, arguments.kind));
    let rows = fvecs::read(vectors)?;
    let mut faults = Vec::new();
    for index in &found {
        match verify(index, &rows) {
            Ok(line) => print_line(&line)?,
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        bail!(faults.join("\nvexfs: "))
    }
    Ok(())
}

/// Says what was found to be right with an index, or what was not.
fn verify(found: &Found, rows: &Matrix) -> Result<String, String> {
    let path = found.path.display();
    let index = index_file::read(&found.file, found.bytes, found.kind)
        .map_err(|fault| format!("{path} is not sound: {fault}"))?;
    let header = index.header();
    check_dim(&found.path, &index, rows).map_err(|error| error.to_string())?;
    let changes = index
        .changes(rows)
        .map_err(|stale| format!("{path} is stale: {stale}"))?;
    let cut_off = index.cut_off();
    if cut_off > 0 {
        return Err(format!(
            "{path} is sound, but no search finds {cut_off} of its rows from everywhere; build it anew"
        ));
    }
    let changed = match changes.rows() {
        0 => String::new(),
        rows => format!(", {rows} lie in blocks that were changed"),
    };
    Ok(format!(
        "{path} is sound: {} rows are covered, {} were appended since{changed}",
        header.rows,
        rows.rows() as u64 - header.rows
    ))
}
