// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our own kinds: built with their defaults and searched in process, then written once more through each mount and
//! searched there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::series::Pass;
use super::truth::METRIC;
use crate::anns::index::{self, Header, Parameters, Unobserved};
use crate::anns::{hnsw, ivf, lsh, pq};
use crate::bench::{self, Options};
use crate::client::module_clock::ModuleClock;
use crate::client::{Kind, Method, Place, Searcher};
use crate::dataset::{Matrix, fvecs};
use crate::store::index_file;

const SEED: u64 = 42;
const VECTORS: &str = "vectors.fvecs";

/// Where our files lie.
pub struct Store<'a> {
    /// A directory of the lower filesystem.
    pub dir: &'a Path,
    /// The mounts in which we are measured besides in process, or why there is none.
    pub mounts: Vec<(Place, Result<&'a Path, NoMount>)>,
    /// The module's own clock, where it runs.
    pub clock: Option<ModuleClock>,
}

impl Store<'_> {
    /// The places in which a kind of ours is searched.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        let mounts = self.mounts.iter().map(|(place, _)| *place);
        [Place::InProcess].into_iter().chain(mounts)
    }

    /// Why nothing can be mounted here, if that is so.
    pub fn no_mount(&self) -> Option<&str> {
        self.mounts.iter().find_map(|(_, mount)| match mount {
            Err(NoMount::NotHere(reason)) => Some(reason.as_str()),
            Err(NoMount::Failed(_)) | Ok(_) => None,
        })
    }
}

/// Why there is no mount.
#[derive(Clone, Debug)]
pub enum NoMount {
    /// This host allows no mounts.
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

/// Rows with one kind of index beside them, opened in every place.
pub struct Ours {
    pub insert_ns: u64,
    pub parameters: serde_json::Value,
    kind: Kind,
    /// The name of the directories, and the one in which everything was built.
    name: PathBuf,
    dir: PathBuf,
    open: Open,
}

/// The searchers of one launch.
struct Open {
    in_process: Searcher,
    mounted: Vec<(Place, Result<Mounted, String>)>,
}

struct Mounted {
    searcher: Searcher,
    /// The directory of the copies, as the mount shows it.
    there: PathBuf,
}

impl Ours {
    /// Writes the rows, builds the index on one thread and searches once; the time that this takes is kept. Then
    /// the files are written once more through each mount. `name` is that of a new directory in the store.
    pub fn build(
        store: &Store,
        name: &str,
        kind: Kind,
        rows: &Matrix,
        queries: &Matrix,
        k: u32,
    ) -> Result<Ours> {
        let name = Path::new(name).join(kind.name());
        let dir = new_dir(store.dir, Place::InProcess, &name)?;
        let path = dir.join(VECTORS);

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
        let mounted = mounted(store, &dir, &name, 0);
        Ok(Ours {
            insert_ns,
            parameters,
            kind,
            name,
            dir,
            open: Open {
                in_process,
                mounted,
            },
        })
    }

    /// Opens everything anew, in other memory: in process the files, through each mount new copies of them.
    pub fn launch(&mut self, store: &Store, number: usize) -> Result<()> {
        for (_, mounted) in self.open.mounted.drain(..) {
            if let Ok(Mounted { searcher, there }) = mounted {
                drop(searcher);
                fs::remove_dir_all(&there)
                    .with_context(|| format!("cannot delete {}", there.display()))?;
            }
        }
        self.open = Open {
            in_process: Searcher::open(&self.dir.join(VECTORS))?,
            mounted: mounted(store, &self.dir, &self.name, number),
        };
        Ok(())
    }

    pub fn effort_name(&self) -> &'static str {
        self.kind.index().map_or("", index::Kind::effort)
    }

    /// Searches once for every query.
    pub fn pass(&self, place: Place, queries: &Matrix, k: u32, effort: u32) -> Result<Pass> {
        let mut mounted = self.open.mounted.iter();
        let searcher = match mounted.find(|(mounted, _)| *mounted == place) {
            Some((_, Err(reason))) => bail!("{reason}"),
            Some((_, Ok(mounted))) => &mounted.searcher,
            None => &self.open.in_process,
        };
        let once = Options {
            method: method(self.kind, k, effort),
            warmups: 0,
            runs: 1,
            threads: 1,
            batch: 1,
        };
        let mut measured = bench::run(searcher, queries, once)?;
        Ok(Pass {
            samples_ns: measured.samples_ns.pop().context("nothing was timed")?,
            ids: measured
                .answers
                .iter()
                .map(|answer| answer.ids.clone())
                .collect(),
            answers: Some(measured.answers),
            inside: measured.inside.pop(),
        })
    }
}

/// What lies in `dir`, copied through each mount and opened there, for one launch.
fn mounted(
    store: &Store,
    dir: &Path,
    name: &Path,
    launch: usize,
) -> Vec<(Place, Result<Mounted, String>)> {
    let clock = |place| match place {
        Place::Kernel => store.clock.clone(),
        Place::InProcess | Place::Fuse => None,
    };
    let name = name.join(format!("launch-{launch}"));
    let through = |mount: &Result<&Path, NoMount>, place| {
        let mount = mount.as_ref().map_err(ToString::to_string)?;
        let open = || -> Result<Mounted> {
            let there = new_dir(mount, place, &name)?;
            let searcher = open_through(dir, &there)?.timed_by(clock(place));
            Ok(Mounted { searcher, there })
        };
        open().map_err(|error| format!("{error:#}"))
    };
    let mounts = store.mounts.iter();
    mounts
        .map(|(place, mount)| (*place, through(mount, *place)))
        .collect()
}

fn method(kind: Kind, k: u32, effort: u32) -> Method {
    Method {
        kind,
        metric: METRIC,
        k,
        effort,
    }
}

fn new_dir(root: &Path, place: Place, name: &Path) -> Result<PathBuf> {
    let dir = root.join(place.name()).join(name);
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// Writes the files of a directory to another one, which is seen through a mount, and opens the vectors there. Refuses
/// to search them other than through the mount's driver.
fn open_through(dir: &Path, there: &Path) -> Result<Searcher> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        let copy = there.join(entry.file_name());
        fs::read(entry.path())
            .and_then(|content| fs::write(&copy, content))
            .with_context(|| format!("cannot write {}", copy.display()))?;
    }
    let path = there.join(VECTORS);
    let searcher = Searcher::open(&path)?;
    ensure!(
        searcher.driver() != "in-process",
        "{} is served by no driver",
        path.display()
    );
    Ok(searcher)
}

/// Builds the index and returns its parameters as the index file has them.
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
    let header = Header::parse(&file, file.len() as u64, kind, index::section_sizes(kind))?;
    let names = kind.parameters().iter().copied();
    let mut told: serde_json::Map<_, _> = names
        .zip(header.param)
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    told.insert("seed".into(), SEED.into());
    Ok(told.into())
}
