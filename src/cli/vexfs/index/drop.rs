// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs index drop`

use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::files::{check_name, nothing_found};
use crate::anns::index::Kind;
use crate::cli::vexfs::output::print_line;
use crate::store::{index_file, replace};

/// Remove an index of a vector file.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vector file; it stays as it is.
    file: PathBuf,
    /// The index to remove.
    #[arg(long, value_enum)]
    kind: Kind,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { file, kind } = arguments;
    check_name(file)?;
    let index = index_file::path(file, *kind);
    // What a killed build has left goes with it.
    replace::remove_leftover(&index)
        .with_context(|| format!("cannot remove what a build has left of {}", index.display()))?;
    match fs::remove_file(&index) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!(nothing_found(file, Some(*kind)))
        }
        removed => removed.with_context(|| format!("cannot remove {}", index.display()))?,
    }
    print_line(&format!("{} removed", index.display()))
}
