// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs index build|info|verify|drop`: a file per subcommand.

mod build;
mod drop;
mod info;
mod parameters;
mod progress;
mod verify;

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::anns::index::Kind;
use crate::store::{index_file, is_vector_file_name};

pub use build::Interrupted;

/// Build, look at, check and remove the indexes of a vector file.
///
/// An index of FILE.fvecs is a file beside it: FILE.fvecs.hnsw, .ivf, .pq or .lsh. `vexfs search` and `vexfs bench` search by it with
/// --kind and --metric.
#[derive(clap::Subcommand)]
pub enum Command {
    Build(Box<build::Arguments>),
    Info(info::Arguments),
    Verify(verify::Arguments),
    Drop(drop::Arguments),
}

pub fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Build(arguments) => build::run(arguments),
        Command::Info(arguments) => info::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Drop(arguments) => drop::run(arguments),
    }
}

/// Drivers find an index only beside a vector file.
fn check_name(vectors: &Path) -> anyhow::Result<()> {
    ensure!(
        is_vector_file_name(vectors.file_name().unwrap_or(OsStr::new(""))),
        "{} is not the name of a vector file: rename it to end in .fvecs",
        vectors.display()
    );
    Ok(())
}

/// An index file that is there.
struct Found {
    kind: Kind,
    path: PathBuf,
    file: File,
    bytes: u64,
}

/// Opens the index files of a vector file: that of one kind, or all.
fn find(vectors: &Path, wanted: Option<Kind>) -> anyhow::Result<Vec<Found>> {
    check_name(vectors)?;
    let directory = match vectors.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = vectors.file_name().unwrap_or_default();
    let directory =
        File::open(directory).with_context(|| format!("cannot open {}", directory.display()))?;
    let mut found = Vec::new();
    let kinds = Kind::ALL.into_iter();
    for kind in kinds.filter(|kind| wanted.is_none_or(|wanted| wanted == *kind)) {
        let path = index_file::path(vectors, kind);
        let open = || {
            let file = index_file::open(&directory, &index_file::name(name, kind))?;
            file.map(|file| Ok((file.metadata()?.len(), file)))
                .transpose()
        };
        let opened: std::io::Result<_> = open();
        let opened = opened.with_context(|| format!("cannot open {}", path.display()))?;
        if let Some((bytes, file)) = opened {
            found.push(Found {
                kind,
                path,
                file,
                bytes,
            });
        }
    }
    Ok(found)
}

/// The sentence for a vector file beside which there is no index, or none of this kind.
fn nothing_found(vectors: &Path, wanted: Option<Kind>) -> String {
    let vectors = vectors.display();
    let (kind, wanted) = match wanted {
        Some(kind) => (kind, format!("{kind} index")),
        None => (Kind::Hnsw, "index".to_owned()),
    };
    format!("{vectors} has no {wanted}: build one with `vexfs index build {vectors} --kind {kind}`")
}
