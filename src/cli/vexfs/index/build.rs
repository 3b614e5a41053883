// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs index build`

use std::num::NonZero;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use serde::Serialize;

use super::files::check_name;
use super::parameters::Flags;
use super::progress::Watched;
use crate::anns::Metric;
use crate::anns::index::{self, BuildError, Kind};
use crate::cli::vexfs::output::{print_json, print_line};
use crate::dataset::fvecs;
use crate::store::{index_file, replace};

/// Build an index of a vector file, or build it anew.
///
/// The same rows, parameters and seed give the same file, byte for byte, however many threads build it. The index is
/// built in memory and then put in the place of the old one at once: whatever happens before, the old one stays as it
/// was. Rows that are appended later are searched exactly; rows that are changed make the index stale.
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
    /// Threads that build; by default one for each processor.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
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
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments {
        file, kind, metric, ..
    } = arguments;
    check_name(file)?;
    let parameters = arguments.parameters.of(*kind)?;
    let threads = arguments
        .threads
        .or(std::thread::available_parallelism().ok())
        .map_or(1, NonZero::get);
    let path = index_file::path(file, *kind);

    let watched = Watched::new()?;
    watched.begin("reading the rows");
    let mode = file.metadata().map_or(0o600, |data| data.mode() & 0o666);
    let rows = fvecs::read(file)?;
    watched.begin("building the index");
    let begun = Instant::now();
    let seed = arguments.seed;
    let bytes = match index::build(&rows, *metric, &parameters, seed, threads, &watched) {
        Ok(bytes) => bytes,
        Err(BuildError::Interrupted) => return Err(interrupted(&path)),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("cannot build the {kind} index of {}", file.display()));
        }
    };
    let build_ns = begun.elapsed().as_nanos() as u64;

    watched.begin("writing the index");
    // Whoever may not read the rows need not read what is derived from them.
    match replace::replace(&path, &bytes, mode, |_| !watched.is_interrupted()) {
        Ok(()) => (),
        Err(replace::Error::Interrupted) => return Err(interrupted(&path)),
        Err(replace::Error::Io(error)) => {
            let kept = match path.exists() {
                true => "; the old index is as it was",
                false => "",
            };
            return Err(anyhow::anyhow!(
                "cannot write {}: {error}{kept}",
                path.display()
            ));
        }
    }
    watched.clear();

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
    ))
}

fn interrupted(path: &Path) -> anyhow::Error {
    Interrupted { old: path.exists() }.into()
}
