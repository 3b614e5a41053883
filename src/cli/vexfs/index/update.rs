// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs index update`

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use super::build::{Interrupted, interrupted, write};
use super::files::{Found, check_dim, find, nothing_found};
use super::quality::Measured;
use super::threads::Threads;
use super::watched::Watched;
use crate::anns::index::{self, BuildError, Index, Kind, RECALL_WHOLE, UpdateError, Wanted};
use crate::cli::vexfs::output::{print_json, print_line};
use crate::dataset::{Matrix, fvecs};
use crate::store::index_file;
use crate::system::output::tell;

/// Bring the indexes of a vector file up to date with rows that were appended or changed.
///
/// New rows are inserted, and changed ones move to where they belong now. What was learnt of the rows at the build
/// stays: the number of lists and their centres, codebooks, scales of codes and projections. Recall is measured again;
/// build anew where it has fallen too far. An index whose codes do not tell the new rows apart is refused. The same
/// index, rows and changes give the same file, byte for byte, however many threads work. The new file is put in the
/// place of the old one at once.
///
/// An index that is not behind is left alone. Exit status: 1 if one could not be brought up to date; the others are.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vector file, in a mount or not.
    file: PathBuf,
    /// Only the index of this kind.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    #[command(flatten)]
    threads: Threads,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct UpdateOutput {
    rows: u64,
    dim: usize,
    threads: usize,
    indexes: Vec<Updated>,
}

#[derive(Serialize)]
struct Updated {
    kind: Kind,
    path: PathBuf,
    /// Rows that the index covered before.
    covered: u64,
    /// Rows that had been appended, and covered ones in blocks that had changed. Both are 0 if the index is as it was.
    appended: usize,
    changed: usize,
    bytes: usize,
    blake3: String,
    /// How long the update took, without reading, measuring and writing.
    update_ns: u64,
    /// The recall@10 that was measured last.
    recall_before: Option<f64>,
    #[serde(flatten)]
    quality: Option<Measured>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let vectors = &arguments.file;
    let found = find(vectors, arguments.kind)?;
    ensure!(!found.is_empty(), nothing_found(vectors, arguments.kind));
    let watched = Watched::new("reading the rows")?;
    let rows = fvecs::read(vectors)?;
    let threads = arguments.threads.count();

    let (mut indexes, mut faults) = (Vec::new(), Vec::new());
    for found in &found {
        match update(found, &rows, threads, &watched) {
            Ok(updated) => indexes.push(updated),
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => faults.push(format!("{error:#}")),
        }
    }
    watched.line.clear();
    match arguments.json {
        true => print_json(&UpdateOutput {
            rows: rows.rows() as u64,
            dim: rows.dim(),
            threads,
            indexes,
        })?,
        false => indexes.iter().try_for_each(Updated::print)?,
    }
    match faults.is_empty() {
        true => Ok(()),
        false => bail!(faults.join("\nvexfs: ")),
    }
}

fn update(
    found: &Found,
    rows: &Matrix,
    threads: usize,
    watched: &Watched,
) -> anyhow::Result<Updated> {
    let Found { path, kind, .. } = found;
    let cannot = || format!("{} cannot be brought up to date", path.display());
    watched.line.begin("reading the index");
    let index = index_file::read(&found.file, found.bytes, *kind).with_context(cannot)?;
    check_dim(path, &index, rows)?;
    let header = *index.header();
    let exact = header.exact == 1;
    let measured = header.measured > 0;
    let mut updated = Updated {
        kind: *kind,
        path: path.clone(),
        covered: header.rows,
        appended: 0,
        changed: 0,
        bytes: index.bytes().len(),
        blake3: blake3::hash(index.bytes()).to_string(),
        update_ns: 0,
        recall_before: measured.then(|| f64::from(header.recall) / f64::from(RECALL_WHOLE)),
        quality: None,
    };

    watched.line.begin("updating the index");
    let begun = Instant::now();
    let (bytes, behind) = match index::update(&index, rows, threads, watched) {
        Ok(None) => return Ok(updated),
        Ok(Some(made)) => made,
        Err(UpdateError::Build(BuildError::Interrupted)) => return Err(interrupted(path)),
        Err(UpdateError::Stale(stale)) => {
            return Err(anyhow::Error::from(stale).context(format!("{}; build it anew", cannot())));
        }
        Err(error) => return Err(anyhow::Error::from(error).context(cannot())),
    };
    updated.update_ns = begun.elapsed().as_nanos() as u64;
    (updated.appended, updated.changed) = (behind.appended, behind.changed);
    drop(index);

    watched.line.begin("measuring recall");
    let index = Index::parse(bytes, *kind).with_context(cannot)?;
    ensure!(
        index.cut_off() == 0,
        "{}: its graph does not hold together; build it anew",
        cannot()
    );
    let (bytes, quality) = match index::tune(index, rows, None, Wanted::AsItIs, threads, watched) {
        Err(BuildError::Interrupted) => return Err(interrupted(path)),
        tuned => tuned.with_context(cannot)?,
    };
    watched.line.begin("writing the index");
    let mode = found
        .file
        .metadata()
        .map_or(0o600, |data| data.mode() & 0o666);
    write(path, &bytes, mode, watched)?;
    updated.bytes = bytes.len();
    updated.blake3 = blake3::hash(&bytes).to_string();
    updated.quality = quality.map(|quality| Measured::new(&quality, *kind, exact));
    Ok(updated)
}

impl Updated {
    /// Prints what was done, and warns on standard error if recall has fallen.
    fn print(&self) -> anyhow::Result<()> {
        let path = self.path.display();
        if self.appended + self.changed == 0 {
            return print_line(&format!("{path} is up to date: {} rows", self.covered));
        }
        print_line(&format!(
            "{path}: {} appended rows and {} rows in changed blocks are in it now, {} rows in all, in {:.1} s",
            self.appended,
            self.changed,
            self.covered + self.appended as u64,
            self.update_ns as f64 / 1e9
        ))?;
        let Some(quality) = &self.quality else {
            return Ok(());
        };
        quality.print(Wanted::AsItIs)?;
        if let Some(before) = self
            .recall_before
            .filter(|before| quality.is_below(*before))
        {
            tell(&format!(
                "vexfs: warning: the recall of {path} was {before:.3} before; `vexfs index tune` can raise it at the \
                 price of time, and `vexfs index build` learns the rows anew"
            ));
        }
        Ok(())
    }
}
