// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures one workload under one metric: each kind of index is built once, then searched in every place.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::anns::{Hit, index};
use crate::bench::{self, ids_hash};
use crate::client::module_clock::ModuleClock;
use crate::client::{Method, Place, Searcher};
use crate::dataset::workload::Vectors;
use crate::dataset::{Matrix, fvecs, hash};
use crate::exercise::building;
use crate::exercise::series::{self, Series, advance};
use crate::guest::mounts::{Mounted, Store};
use crate::guest::steps::context::Context;
use crate::guest::{given, module_clock};
use crate::protocol::results::{Built, IndexFile, IndexRun, IndexedKind, KindRuns, MeasuredCase};
use crate::protocol::{IndexCase, KindPlan, Outcome};

const VECTORS: &str = "vectors.fvecs";

pub fn measure(
    context: &Context,
    store: &Store,
    case: &IndexCase,
    progress: &mut dyn FnMut() -> Result<()>,
) -> Result<MeasuredCase> {
    let Vectors { vectors, queries } = given::vectors(&case.workload)?;
    let truth = bench::truth(&vectors, &queries, case.metric, case.k, |query| {
        context.working("exact answers", query as u64, queries.rows() as u64)
    })?;

    let mut rows = Vec::new();
    fvecs::encode(&mut rows, &vectors)?;
    let clock = module_clock::started(&context.plan)?;
    let places: Vec<(Place, Result<Rows>)> = Place::ALL
        .into_iter()
        .map(|place| (place, Rows::write(store, place, &case.name, &rows)))
        .collect();

    let mut kinds = Vec::new();
    for planned in &case.kinds {
        let searched = Searched {
            context,
            case,
            planned,
            queries: &queries,
            truth: &truth,
            clock: clock.as_ref(),
        };
        kinds.push(IndexedKind {
            kind: planned.kind,
            outcome: Outcome::from(searched.kind(&vectors, &places)),
        });
        progress()?;
    }
    for (_, rows) in places {
        if let Ok(rows) = rows {
            rows.mounted.unmount()?;
        }
    }
    Ok(MeasuredCase {
        name: case.name.clone(),
        vectors_blake3: hash::rows(&vectors).to_string(),
        queries_blake3: hash::rows(&queries).to_string(),
        truth_blake3: ids_hash(truth.iter().map(Vec::as_slice)),
        kinds,
    })
}

/// The rows in one place.
struct Rows {
    mounted: Mounted,
    path: PathBuf,
}

impl Rows {
    fn write(store: &Store, place: Place, name: &str, rows: &[u8]) -> Result<Self> {
        let mounted = Mounted::new(place, &store.part(place)?)?;
        let dir = mounted.root().join(name);
        fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let path = dir.join(VECTORS);
        series::write(&path, rows)?;
        Ok(Rows { mounted, path })
    }

    /// Writes the index beside the rows, as a user would.
    fn add(&self, case: &str, file: &str, index: &[u8]) -> Result<IndexFile> {
        let write_ns = series::write(&self.path.with_file_name(file), index)?;
        let below = self.mounted.lower().join(case).join(file);
        Ok(IndexFile {
            write_ns,
            lower_blake3: hash_of(&below)?,
        })
    }
}

fn hash_of(path: &Path) -> Result<String> {
    let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(blake3::hash(&content).to_string())
}

/// The searches by one kind in all places.
struct Searched<'a> {
    context: &'a Context,
    case: &'a IndexCase,
    planned: &'a KindPlan,
    queries: &'a Matrix,
    truth: &'a [Vec<Hit>],
    /// The module's own clock, where it runs.
    clock: Option<&'a ModuleClock>,
}

impl Searched<'_> {
    fn kind(&self, vectors: &Matrix, places: &[(Place, Result<Rows>)]) -> Result<KindRuns> {
        let index = match self.planned.kind.index() {
            Some(kind) => Some(self.build(vectors, kind)?),
            None => None,
        };
        let mut subjects: Vec<(Place, Result<Subject>)> = places
            .iter()
            .map(|(place, rows)| (*place, self.subject(*place, rows, index.as_ref())))
            .collect();
        for run in 0..self.case.runs {
            for (_, subject) in &mut subjects {
                let warmups = if run == 0 { self.case.warmups } else { 0 };
                advance(subject, |subject| {
                    subject.series.run(self.queries, self.method(), warmups)
                });
                let at = format!("searches by {}", self.planned.kind);
                let runs = self.case.runs.into();
                self.context.working(&at, run.into(), runs)?;
            }
        }
        let places = subjects.into_iter().map(|(place, subject)| {
            let run = subject.and_then(|subject| subject.finish(self.truth));
            (place, Outcome::from(run))
        });
        Ok(KindRuns {
            places: places.collect(),
            built: index.map(|index| index.built),
        })
    }

    fn method(&self) -> Method {
        Method {
            kind: self.planned.kind,
            metric: self.case.metric,
            k: self.case.k,
            effort: self.planned.effort,
        }
    }

    /// Builds an index on one thread, while the host hears how far it is.
    fn build(&self, vectors: &Matrix, kind: index::Kind) -> Result<Index> {
        let watched = Watched {
            context: self.context,
            at: format!("building {kind}"),
        };
        let begun = Instant::now();
        let (asked, metric) = (self.planned.build, self.case.metric);
        let content = building::build_as(asked, vectors, metric, kind, 1, &watched)?;
        let build_ns = u64::try_from(begun.elapsed().as_nanos())?;
        Ok(Index {
            kind,
            built: Built {
                build_ns,
                bytes: content.len() as u64,
                blake3: blake3::hash(&content).to_string(),
            },
            content,
        })
    }

    fn subject(&self, place: Place, rows: &Result<Rows>, index: Option<&Index>) -> Result<Subject> {
        let clock = self.clock.filter(|_| place == Place::Kernel).cloned();
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => bail!("the rows were not written: {error:#}"),
        };
        let file = match index {
            Some(index) => {
                let name = format!("{VECTORS}.{}", index.kind.extension());
                Some(rows.add(&self.case.name, &name, &index.content)?)
            }
            None => None,
        };
        Ok(Subject {
            file,
            series: Series::new(Searcher::open(&rows.path)?.timed_by(clock)),
        })
    }
}

/// Tells the host how far a build is.
struct Watched<'a> {
    context: &'a Context,
    at: String,
}

impl index::Progress for Watched<'_> {
    fn report(&self, done: u64, of: u64) {
        // Where init no longer listens, the next progress of the step says so.
        let _ = self.context.working(&self.at, done, of);
    }
}

/// An index as it is written beside the rows.
struct Index {
    kind: index::Kind,
    content: Vec<u8>,
    built: Built,
}

/// One place with an index in it, and what has been measured there so far.
struct Subject {
    file: Option<IndexFile>,
    series: Series,
}

impl Subject {
    fn finish(self, truth: &[Vec<Hit>]) -> Result<IndexRun> {
        let measured = self.series.finish()?;
        let (recall, recall_by_distance) = bench::recall(truth, &measured.answers);
        Ok(IndexRun {
            file: self.file,
            samples_ns: measured.samples_ns,
            answers: measured.answers,
            result_hashes: measured.result_hashes,
            unstable: measured.unstable,
            recall,
            recall_by_distance,
            inside: measured.inside,
        })
    }
}
