// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs index tune`

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use super::build::{interrupted, write};
use super::files::{check_dim, find, nothing_found};
use super::quality::{Measured, RECALL, recall};
use super::threads::Threads;
use super::watched::Watched;
use crate::anns::index::{self, BuildError, Kind, Wanted};
use crate::cli::vexfs::output::print_json;
use crate::dataset::{formats, fvecs};
use crate::store::index_file;

/// Choose what effort 0 means to an index: the least effort that reaches a recall.
///
/// Recall is measured on some of the file's own rows, or on queries of yours. The index is not built anew: only its
/// header changes, at once.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vector file.
    file: PathBuf,
    /// The index of this kind.
    #[arg(long, value_enum)]
    kind: Kind,
    /// The recall@10 to reach, from 0 to 1.
    #[arg(long, value_name = "R", value_parser = recall, default_value_t = RECALL)]
    recall: f64,
    /// Measure with the queries of this file, of any format that `vexfs dataset import` reads, the first 10,000 at
    /// most: what the index is asked for may lie elsewhere than its rows.
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    #[command(flatten)]
    threads: Threads,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct TuneOutput {
    path: PathBuf,
    kind: Kind,
    /// Nothing for an index of a single row.
    #[serde(flatten)]
    quality: Option<Measured>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { file, kind, .. } = arguments;
    let found = find(file, Some(*kind))?;
    let Some(found) = found.first() else {
        bail!(nothing_found(file, Some(*kind)));
    };
    let path = &found.path;
    let watched = Watched::new("reading rows and index")?;
    let rows = fvecs::read(file)?;
    let index = index_file::read(&found.file, found.bytes, *kind)
        .with_context(|| format!("{} cannot be tuned", path.display()))?;
    check_dim(path, &index, &rows)?;
    index.check_rows(&rows).with_context(|| {
        format!(
            "{} cannot be tuned; update it by `vexfs index update`, or build it anew",
            path.display()
        )
    })?;
    let exact = index.header().exact == 1;
    let queries = match &arguments.queries {
        None => None,
        Some(path) => {
            let queries = formats::read(path)?;
            ensure!(
                queries.dim() == rows.dim() && !queries.is_empty(),
                "{} has {} queries of dimension {}, but the rows are of dimension {}",
                path.display(),
                queries.rows(),
                queries.dim(),
                rows.dim()
            );
            Some(queries)
        }
    };

    watched.line.begin("measuring recall");
    let wanted = Wanted::Recall(arguments.recall);
    let threads = arguments.threads.count();
    let (bytes, quality) =
        match index::tune(index, &rows, queries.as_ref(), wanted, threads, &watched) {
            Err(BuildError::Interrupted) => return Err(interrupted(path)),
            tuned => tuned.with_context(|| format!("cannot tune {}", path.display()))?,
        };
    watched.line.begin("writing the index");
    let mode = found
        .file
        .metadata()
        .map_or(0o600, |data| data.mode() & 0o666);
    write(path, &bytes, mode, &watched)?;
    watched.line.clear();

    let quality = quality.map(|quality| Measured::new(&quality, *kind, exact));
    if arguments.json {
        return print_json(&TuneOutput {
            path: path.clone(),
            kind: *kind,
            quality,
        });
    }
    match quality {
        Some(quality) => quality.print(wanted),
        None => Ok(()),
    }
}
