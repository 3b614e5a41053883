// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches in timed passes over all queries.

use std::ops::Range;
use std::thread;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::{Answer, answers_hash, first_divergence};
use crate::anns::{Hit, recall};
use crate::client::module_clock::Reading;
use crate::client::{Found, Method, Searcher};
use crate::dataset::Matrix;

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub method: Method,
    /// Passes over all queries that are not timed.
    pub warmups: usize,
    /// Passes over all queries that are timed, at least one.
    pub runs: usize,
    /// Threads that share the queries of a pass, at least one.
    pub threads: usize,
    /// Queries that are asked for at a time, at least one. The time of each is its share.
    pub batch: usize,
}

/// What was measured, raw. Times are those of CLOCK_MONOTONIC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Nanoseconds of each search, by run and by query.
    pub samples_ns: Vec<Vec<u64>>,
    /// Nanoseconds of each run from its first search to its last.
    pub elapsed_ns: Vec<u64>,
    /// The answers of the first run.
    pub answers: Vec<Answer>,
    /// BLAKE3 of all answers of each run.
    pub result_hashes: Vec<String>,
    /// The first divergence of a later run from the first one.
    pub unstable: Option<String>,
    /// What the clock within the driver counted in each run; empty where none was attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Reading>,
}

/// Searches for every query, in passes.
pub fn run(place: &Searcher, queries: &Matrix, options: Options) -> Result<Measurement> {
    for _ in 0..options.warmups {
        pass(place, queries, options)?;
    }
    let mut measurement = Measurement {
        samples_ns: Vec::new(),
        elapsed_ns: Vec::new(),
        answers: Vec::new(),
        result_hashes: Vec::new(),
        unstable: None,
        inside: Vec::new(),
    };
    for run in 0..options.runs {
        let before = place.reading()?;
        let Pass {
            elapsed_ns,
            searches,
        } = pass(place, queries, options)?;
        if let (Some(before), Some(after)) = (before, place.reading()?) {
            measurement
                .inside
                .push(inside(before, after, searches.len())?);
        }
        let answers: Vec<Answer> = searches
            .iter()
            .map(|(_, found)| Answer::new(&found.hits))
            .collect();
        measurement.samples_ns.push(
            searches
                .iter()
                .map(|(nanoseconds, _)| *nanoseconds)
                .collect(),
        );
        measurement.elapsed_ns.push(elapsed_ns);
        measurement.result_hashes.push(answers_hash(&answers));
        if run == 0 {
            measurement.answers = answers;
        } else if measurement.unstable.is_none() {
            let divergence = first_divergence(&measurement.answers, &answers);
            measurement.unstable = divergence.map(|divergence| format!("run {run}, {divergence}"));
        }
    }
    Ok(measurement)
}

/// What the clock within the driver counted between two readings, if that is what was searched meanwhile.
fn inside(before: Reading, after: Reading, searches: usize) -> Result<Reading> {
    let inside = after.since(before);
    ensure!(
        inside.searches == searches as u64,
        "the module's clock counted {} searches, {searches} were made",
        inside.searches
    );
    Ok(inside)
}

/// One search for every query.
struct Pass {
    elapsed_ns: u64,
    /// Nanoseconds and answer, by query.
    searches: Vec<(u64, Found)>,
}

fn pass(place: &Searcher, queries: &Matrix, options: Options) -> Result<Pass> {
    let share = queries.rows().div_ceil(options.threads).max(1);
    let search_all = |first: usize| -> Result<Vec<_>> {
        let of = first..queries.rows().min(first + share);
        if options.batch == 1 {
            return of
                .map(|query| timed(place, queries.row(query), options.method))
                .collect();
        }
        let mut searches = Vec::with_capacity(of.len());
        for first in of.clone().step_by(options.batch) {
            let batch = first..of.end.min(first + options.batch);
            searches.extend(timed_batch(place, queries, batch, options.method)?);
        }
        Ok(searches)
    };

    let start = Instant::now();
    let searches = if options.threads == 1 {
        search_all(0)?
    } else {
        let parts: Result<Vec<_>> = thread::scope(|scope| {
            let starts = (0..queries.rows()).step_by(share);
            let threads: Vec<_> = starts
                .map(|first| scope.spawn(move || search_all(first)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("a searching thread panicked"))
                .collect()
        });
        parts?.into_iter().flatten().collect()
    };
    Ok(Pass {
        elapsed_ns: nanoseconds_since(start),
        searches,
    })
}

fn timed(place: &Searcher, query: &[f32], method: Method) -> Result<(u64, Found)> {
    let start = Instant::now();
    let found = place.search(query, method)?;
    Ok((nanoseconds_since(start), found))
}

fn timed_batch(
    place: &Searcher,
    queries: &Matrix,
    of: Range<usize>,
    method: Method,
) -> Result<impl Iterator<Item = (u64, Found)>> {
    let start = Instant::now();
    let found = place.search_batch(queries, of, method)?;
    let each = nanoseconds_since(start) / found.len().max(1) as u64;
    Ok(found.into_iter().map(move |found| (each, found)))
}

fn nanoseconds_since(start: Instant) -> u64 {
    start.elapsed().as_nanos() as u64
}

/// Mean recall over all queries: by row, and by distance (`anns::recall`).
pub fn recall(truth: &[Vec<Hit>], answers: &[Answer]) -> (f64, f64) {
    let mut sums = (0.0, 0.0);
    for (truth, answer) in truth.iter().zip(answers) {
        let found: Vec<Hit> = answer.hits().collect();
        sums.0 += recall::by_row(truth, &found);
        sums.1 += recall::by_distance(truth, &found);
    }
    let queries = truth.len() as f64;
    (sums.0 / queries, sums.1 / queries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_missed_a_search_is_no_clock() {
        let at = |searches| Reading {
            searches,
            handler_ns: 10 * searches,
            search_ns: 9 * searches,
        };
        assert_eq!(inside(at(2), at(5), 3).unwrap(), at(3));
        let error = inside(at(2), at(4), 3).unwrap_err().to_string();
        assert!(error.contains("counted 2 searches, 3 were made"), "{error}");
    }
}
