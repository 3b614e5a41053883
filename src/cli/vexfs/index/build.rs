// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs index build`

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use super::files::check_name;
use super::parameters::Flags;
use super::quality::{Measured, RECALL, recall};
use super::threads::Threads;
use super::watched::Watched;
use crate::anns::Metric;
use crate::anns::index::{self, BuildError, Index, Kind, Wanted};
use crate::cli::vexfs::output::{print_json, print_line};
use crate::dataset::fvecs;
use crate::store::{index_file, replace};

/// Build an index of a vector file, or build it anew.
///
/// The same rows, parameters and seed give the same file, byte for byte, however many threads build it. The index is
/// built in memory and then put in the place of the old one at once: whatever happens before, the old one stays as it
/// was. Rows that are appended later are searched exactly, and so are the rows of a block of 256 of which one was
/// changed. `vexfs index update` brings the index up to date with them.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vector file, in a mount or not.
    file: PathBuf,
    /// What to build.
    #[arg(long, value_enum)]
    kind: Kind,
    /// What nearness means; a search must ask for the same.
    #[arg(long, value_enum, default_value_t = Metric::L2)]
    metric: Metric,
    /// The number that all random choices derive from.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The recall@10 that effort 0 is to reach, from 0 to 1: the least effort that reaches it is chosen. Without this,
    /// the kind's own effort is taken, or more if 0.95 takes more.
    #[arg(long, value_name = "R", value_parser = recall, conflicts_with_all = Flags::EFFORTS)]
    recall: Option<f64>,
    #[command(flatten)]
    parameters: Flags,
}

/// The build was ended by a signal.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; {}", match .old {
    true => "the old index is as it was",
    false => "there is no index",
})]
pub struct Interrupted {
    old: bool,
}

#[derive(Serialize)]
struct BuildOutput {
    path: PathBuf,
    kind: Kind,
    metric: Metric,
    rows: u64,
    dim: u32,
    seed: u64,
    threads: usize,
    bytes: usize,
    blake3: String,
    /// How long the build took, without reading the rows and writing the file.
    build_ns: u64,
    #[serde(flatten)]
    quality: Option<Measured>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments {
        file, kind, metric, ..
    } = arguments;
    check_name(file)?;
    let parameters = arguments.parameters.of(*kind)?;
    let threads = arguments.threads.count();
    let path = index_file::path(file, *kind);

    let watched = Watched::new("reading the rows")?;
    let mode = file.metadata().map_or(0o600, |data| data.mode() & 0o666);
    let rows = fvecs::read(file)?;
    watched.line.begin("building the index");
    let begun = Instant::now();
    let seed = arguments.seed;
    let failed = |error| match error {
        BuildError::Interrupted => interrupted(&path),
        error => anyhow::Error::from(error).context(format!(
            "cannot build the {kind} index of {}",
            file.display()
        )),
    };
    let bytes = index::build(&rows, *metric, &parameters, seed, threads, &watched);
    let bytes = bytes.map_err(failed)?;
    let build_ns = begun.elapsed().as_nanos() as u64;

    watched.line.begin("measuring recall");
    let index = Index::parse(bytes, *kind)
        .with_context(|| format!("the {kind} index of {}, just built", file.display()))?;
    ensure!(
        index.cut_off() == 0,
        "the graph of {} does not hold together, which is a fault of this program; please report it",
        file.display()
    );
    let exact = index.header().exact == 1;
    let wanted = match arguments.recall {
        Some(recall) => Wanted::Recall(recall),
        None if arguments.parameters.has_effort(*kind) => Wanted::AsItIs,
        None => Wanted::AtLeast(RECALL),
    };
    let (bytes, quality) =
        index::tune(index, &rows, None, wanted, threads, &watched).map_err(failed)?;

    watched.line.begin("writing the index");
    // Whoever may not read the rows need not read what is derived from them.
    write(&path, &bytes, mode, &watched)?;
    watched.line.clear();

    let report = BuildOutput {
        path,
        kind: *kind,
        metric: *metric,
        rows: rows.rows() as u64,
        dim: rows.dim() as u32,
        seed,
        threads,
        bytes: bytes.len(),
        blake3: blake3::hash(&bytes).to_string(),
        build_ns,
        quality: quality.map(|quality| Measured::new(&quality, *kind, exact)),
    };
    if arguments.json {
        return print_json(&report);
    }
    print_line(&format!(
        "{}: {kind} for {metric}, {} rows, {} bytes, built in {:.1} s on {threads} thread(s)",
        report.path.display(),
        report.rows,
        report.bytes,
        build_ns as f64 / 1e9
    ))?;
    match &report.quality {
        Some(quality) => quality.print(wanted),
        None => Ok(()),
    }
}

/// Puts an index file in its place at once.
pub fn write(path: &Path, bytes: &[u8], mode: u32, watched: &Watched) -> anyhow::Result<()> {
    match replace::replace(path, bytes, mode, |_| !watched.is_interrupted()) {
        Ok(()) => Ok(()),
        Err(replace::Error::Interrupted) => Err(interrupted(path)),
        Err(replace::Error::Io(error)) => {
            let kept = match path.exists() {
                true => "; the old index is as it was",
                false => "",
            };
            bail!("cannot write {}: {error}{kept}", path.display())
        }
    }
}

pub fn interrupted(path: &Path) -> anyhow::Error {
    Interrupted { old: path.exists() }.into()
}
