// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our own kinds: built in process with their defaults, searched in process and through a mount of the same store.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::Place;
use crate::anns::index::{self, Header, Parameters, Unobserved};
use crate::anns::{Metric, hnsw, ivf, lsh, pq};
use crate::bench::{self, Answer, Options};
use crate::client::{Kind, Method, Searcher};
use crate::dataset::{Matrix, fvecs};
use crate::store::index_file;

const SEED: u64 = 42;
pub const METRIC: Metric = Metric::L2;

/// Where our files lie, and where they are seen.
pub struct Store<'a> {
    /// A directory of the lower filesystem.
    pub dir: &'a Path,
    /// The mount in which that directory is seen.
    pub mount: Result<&'a Path, NoMount>,
}

/// Why there is no mount.
#[derive(Clone, Debug)]
pub enum NoMount {
    /// This host allows none.
    NotHere(String),
    /// The driver failed.
    Failed(String),
}

impl std::fmt::Display for NoMount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (NoMount::NotHere(reason) | NoMount::Failed(reason)) = self;
        f.write_str(reason)
    }
}

/// Rows with one kind of index beside them, opened in both places.
pub struct Ours {
    pub insert_ns: u64,
    pub parameters: serde_json::Value,
    kind: Kind,
    in_process: Searcher,
    fuse: Result<Searcher, String>,
}

impl Ours {
    /// Writes the rows, builds the index on one thread and searches once: the time that this takes is kept. `name` is that
    /// of a new directory in the store.
    pub fn build(
        store: &Store,
        name: &str,
        kind: Kind,
        rows: &Matrix,
        queries: &Matrix,
        k: u32,
    ) -> Result<Ours> {
        let dir = Path::new(name).join(kind.name());
        fs::create_dir_all(store.dir.join(&dir))
            .with_context(|| format!("cannot create {} in the store", dir.display()))?;
        let file = dir.join("vectors.fvecs");
        let path = store.dir.join(&file);

        let begun = Instant::now();
        fvecs::write(&path, rows)?;
        let parameters = match kind.index() {
            Some(kind) => build_index(&path, kind, rows)?,
            None => json!({}),
        };
        let in_process = Searcher::open(&path)?;
        let method = method(kind, k, 0);
        in_process.search(queries.row(0), method)?;
        let insert_ns = u64::try_from(begun.elapsed().as_nanos())?;
        Ok(Ours {
            insert_ns,
            parameters,
            kind,
            in_process,
            fuse: match &store.mount {
                Ok(mount) => open(&mount.join(&file)).map_err(|error| format!("{error:#}")),
                Err(reason) => Err(reason.to_string()),
            },
        })
    }

    pub fn effort_name(&self) -> &'static str {
        self.kind.index().map_or("", index::Kind::effort)
    }

    /// Searches for every query once: nanoseconds and answers, by query.
    pub fn pass(
        &self,
        place: Place,
        queries: &Matrix,
        k: u32,
        effort: u32,
    ) -> Result<(Vec<u64>, Vec<Answer>)> {
        let searcher = match (place, &self.fuse) {
            (Place::Fuse, Err(reason)) => anyhow::bail!("{reason}"),
            (Place::Fuse, Ok(searcher)) => searcher,
            (Place::InProcess | Place::OwnProcess, _) => &self.in_process,
        };
        let once = Options {
            method: method(self.kind, k, effort),
            warmups: 0,
            runs: 1,
            threads: 1,
        };
        let mut measured = bench::run(searcher, queries, once)?;
        let samples = measured.samples_ns.pop().context("nothing was timed")?;
        Ok((samples, measured.answers))
    }
}

fn method(kind: Kind, k: u32, effort: u32) -> Method {
    Method {
        kind,
        metric: METRIC,
        k,
        effort,
    }
}

/// Through the driver, or not at all.
fn open(path: &Path) -> Result<Searcher> {
    let searcher = Searcher::open(path)?;
    ensure!(
        searcher.driver() != "in-process",
        "{} is not served by the FUSE driver",
        path.display()
    );
    Ok(searcher)
}

/// Gives back the parameters as the index file has them.
fn build_index(vectors: &Path, kind: index::Kind, rows: &Matrix) -> Result<serde_json::Value> {
    let parameters = match kind {
        index::Kind::Hnsw => Parameters::Hnsw(hnsw::Parameters::default()),
        index::Kind::Ivf => Parameters::Ivf(ivf::Parameters::default()),
        index::Kind::Pq => Parameters::Pq(pq::Parameters::default()),
        index::Kind::Lsh => Parameters::Lsh(lsh::Parameters::default()),
    };
    let file = index::build(rows, METRIC, &parameters, SEED, 1, &Unobserved)
        .with_context(|| format!("cannot build an index of kind {kind}"))?;
    let path: PathBuf = index_file::path(vectors, kind);
    fs::write(&path, &file[..]).with_context(|| format!("cannot write {}", path.display()))?;
    let header = Header::parse(&file, file.len() as u64, kind)?;
    let names = kind.parameters().iter().copied();
    let mut told: serde_json::Map<_, _> = names
        .zip(header.param)
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    told.insert("seed".into(), SEED.into());
    Ok(told.into())
}
