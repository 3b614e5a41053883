// SPDX-License-Identifier: MIT OR Apache-2.0
//! The dataset written through each place, read back, and searched; the runs of the places take turns.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::{Context, flat};
use crate::anns::distance::Backend;
use crate::anns::{Hit, flat as exact};
use crate::bench::{self, Measurement, first_divergence, ids_hash};
use crate::client::Searcher;
use crate::dataset::workload::Vectors;
use crate::dataset::{Matrix, fvecs, hash};
use crate::guest::kmod;
use crate::guest::mounts::{Mounted, Store};
use crate::guest::protocol::{Outcome, Place};
use crate::guest::results::{PlaceRun, Workload};

/// Bytes of one write.
const CHUNK: usize = 1 << 20;

pub fn observe(context: &Context) -> Result<Workload> {
    let plan = &context.plan;
    let Vectors { vectors, queries } = plan.workload.generate()?;
    let truth = truth(&vectors, &queries, plan.k);

    let store = Store::new()?;
    let mut subjects = Vec::new();
    for place in Place::ALL {
        subjects.push((place, Subject::new(&store, place, &vectors)));
    }
    for run in 0..plan.runs {
        for (_, subject) in &mut subjects {
            // The warm-ups stand before the first run. A place that has failed takes no further part.
            let warmups = if run == 0 { plan.warmups } else { 0 };
            advance(subject, |subject| subject.run(&queries, plan.k, warmups));
        }
        context.progress(run + 1, plan.runs)?;
    }
    let module_after = kmod::loaded_build_id().ok();
    let places = subjects.into_iter().map(|(place, subject)| {
        let run = subject.and_then(|subject| subject.finish(&truth));
        (place, Outcome::from(run))
    });
    let places = places.collect();

    Ok(Workload {
        vectors_blake3: hash::rows(&vectors).to_string(),
        queries_blake3: hash::rows(&queries).to_string(),
        truth_blake3: ids_hash(truth.iter().map(Vec::as_slice)),
        truth: truth
            .iter()
            .map(|hits| hits.iter().map(|hit| hit.row).collect())
            .collect(),
        places,
        module_after,
    })
}

/// The exact answers, by the scalar reference.
fn truth(vectors: &Matrix, queries: &Matrix, k: u32) -> Vec<Vec<Hit>> {
    queries
        .iter()
        .map(|query| exact::search_with(Backend::Scalar, vectors, query, k as usize))
        .collect()
}

/// One place with the dataset in it, and what has been measured there so far.
struct Subject {
    mounted: Mounted,
    searcher: Searcher,
    write_ns: u64,
    vectors_blake3: String,
    lower_blake3: String,
    measured: Option<Measurement>,
}

impl Subject {
    fn new(store: &Store, place: Place, vectors: &Matrix) -> Result<Self> {
        let mounted = Mounted::new(place, &store.part(place)?)?;
        let path = mounted.root().join("vectors.fvecs");
        let write_ns = write(&path, vectors)?;
        let read_back = fvecs::read(&path)?;
        let below = fvecs::read(&mounted.lower().join("vectors.fvecs"))?;
        Ok(Subject {
            searcher: Searcher::open(&path)?,
            mounted,
            write_ns,
            vectors_blake3: hash::rows(&read_back).to_string(),
            lower_blake3: hash::rows(&below).to_string(),
            measured: None,
        })
    }

    fn run(&mut self, queries: &Matrix, k: u32, warmups: u32) -> Result<()> {
        let options = bench::Options {
            method: flat(k),
            warmups: warmups as usize,
            runs: 1,
            threads: 1,
        };
        let run = bench::run(&self.searcher, queries, options)?;
        match &mut self.measured {
            None => self.measured = Some(run),
            Some(measured) => append(measured, run),
        }
        Ok(())
    }

    fn finish(self, truth: &[Vec<Hit>]) -> Result<PlaceRun> {
        let measured = self.measured.context("no run was asked for")?;
        drop(self.searcher);
        self.mounted.unmount()?;
        let (recall, _) = bench::recall(truth, &measured.answers);
        Ok(PlaceRun {
            write_ns: self.write_ns,
            vectors_blake3: self.vectors_blake3,
            lower_blake3: self.lower_blake3,
            samples_ns: measured.samples_ns,
            answers: measured.answers,
            result_hashes: measured.result_hashes,
            unstable: measured.unstable,
            recall,
        })
    }
}

/// Does the next thing with what has not failed yet; a failure takes its place.
fn advance<T>(subject: &mut Result<T>, next: impl FnOnce(&mut T) -> Result<()>) {
    if let Ok(alive) = subject
        && let Err(error) = next(alive)
    {
        *subject = Err(error);
    }
}

/// Adds a later run to the earlier ones.
fn append(measured: &mut Measurement, run: Measurement) {
    if measured.unstable.is_none() {
        let number = measured.result_hashes.len();
        measured.unstable = first_divergence(&measured.answers, &run.answers)
            .map(|divergence| format!("run {number}, {divergence}"));
    }
    measured.samples_ns.extend(run.samples_ns);
    measured.elapsed_ns.extend(run.elapsed_ns);
    measured.result_hashes.extend(run.result_hashes);
}

/// Writes the vectors and waits until they are stored; the answer is the nanoseconds that this took.
fn write(path: &Path, vectors: &Matrix) -> Result<u64> {
    let mut encoded = Vec::new();
    fvecs::encode(&mut encoded, vectors)?;
    let begun = Instant::now();
    File::create(path)
        .and_then(|mut file| {
            encoded
                .chunks(CHUNK)
                .try_for_each(|chunk| file.write_all(chunk))?;
            file.sync_all()
        })
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(u64::try_from(begun.elapsed().as_nanos())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Answer;
    use anyhow::anyhow;

    fn measurement(row: u32) -> Measurement {
        Measurement {
            samples_ns: vec![vec![1]],
            elapsed_ns: vec![1],
            answers: vec![Answer::new(&[Hit { row, distance: 0 }])],
            result_hashes: vec![row.to_string()],
            unstable: None,
        }
    }

    #[test]
    fn the_first_run_that_diverges_is_named_and_stays_named() {
        let mut measured = measurement(7);
        append(&mut measured, measurement(7));
        assert_eq!(measured.unstable, None);
        append(&mut measured, measurement(8));
        append(&mut measured, measurement(9));
        let divergence = measured.unstable.unwrap();
        assert!(divergence.starts_with("run 2, query 0, rank 0: row 8"));
        assert_eq!(measured.result_hashes, ["7", "7", "8", "9"]);
        assert_eq!(measured.samples_ns.len(), 4);
    }

    #[test]
    fn a_failure_stays_and_nothing_follows_it() {
        let mut subject = Ok(0);
        advance(&mut subject, |count| {
            *count += 1;
            Err(anyhow!("the mount is gone"))
        });
        advance(&mut subject, |_| panic!("nothing follows a failure"));
        assert_eq!(subject.unwrap_err().to_string(), "the mount is gone");
    }
}
