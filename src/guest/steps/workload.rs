// SPDX-License-Identifier: MIT OR Apache-2.0
//! The dataset written through each place, read back, and searched; the runs of the places take turns.

use anyhow::Result;

use crate::anns::Hit;
use crate::bench::{self, ids_hash};
use crate::client::module_clock::ModuleClock;
use crate::client::{Method, Place, Searcher};
use crate::dataset::workload::Vectors;
use crate::dataset::{Matrix, fvecs, hash};
use crate::exercise::series::{self, Series, advance};
use crate::guest::mounts::{Mounted, Store};
use crate::guest::steps::context::{Context, flat};
use crate::guest::{given, kmod, module_clock};
use crate::protocol::Outcome;
use crate::protocol::results::{PlaceRun, Workload};

pub fn observe(context: &Context) -> Result<Workload> {
    let plan = &context.plan;
    let Vectors { vectors, queries } = given::vectors(&plan.workload)?;
    let truth = bench::truth(&vectors, &queries, plan.metric, plan.k, |query| {
        context.working("exact answers", query as u64, queries.rows() as u64)
    })?;
    let method = Method {
        metric: plan.metric,
        ..flat(plan.k)
    };

    let store = Store::new()?;
    let clock = module_clock::started(plan)?;
    let mut subjects = Vec::new();
    for (done, place) in (0..).zip(Place::ALL) {
        context.working("writing the rows", done, Place::ALL.len() as u64)?;
        let subject = Subject::new(&store, place, &vectors, clock.as_ref());
        subjects.push((place, subject));
    }
    for run in 0..plan.runs {
        for (_, subject) in &mut subjects {
            // The warm-ups stand before the first run. A place that has failed takes no further part.
            let warmups = if run == 0 { plan.warmups } else { 0 };
            advance(subject, |subject| {
                subject.series.run(&queries, method, warmups)
            });
            context.working("searches", run.into(), plan.runs.into())?;
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

/// One place with the dataset in it, and what has been measured there so far.
struct Subject {
    mounted: Mounted,
    series: Series,
    write_ns: u64,
    vectors_blake3: String,
    lower_blake3: String,
}

impl Subject {
    fn new(
        store: &Store,
        place: Place,
        vectors: &Matrix,
        clock: Option<&ModuleClock>,
    ) -> Result<Self> {
        let clock = clock.filter(|_| place == Place::Kernel).cloned();
        let mounted = Mounted::new(place, &store.part(place)?)?;
        let path = mounted.root().join("vectors.fvecs");
        let mut encoded = Vec::new();
        fvecs::encode(&mut encoded, vectors)?;
        let write_ns = series::write(&path, &encoded)?;
        let read_back = fvecs::read(&path)?;
        let below = fvecs::read(&mounted.lower().join("vectors.fvecs"))?;
        Ok(Subject {
            series: Series::new(Searcher::open(&path)?.timed_by(clock)),
            mounted,
            write_ns,
            vectors_blake3: hash::rows(&read_back).to_string(),
            lower_blake3: hash::rows(&below).to_string(),
        })
    }

    fn finish(self, truth: &[Vec<Hit>]) -> Result<PlaceRun> {
        let measured = self.series.finish()?;
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
            inside: measured.inside,
        })
    }
}
