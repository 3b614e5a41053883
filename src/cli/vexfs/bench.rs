// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs bench`

use std::num::NonZero;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, ensure};
use serde::Serialize;

use super::{print_json, print_line};
use crate::anns::Hit;
use crate::anns::distance::Backend;
use crate::anns::flat;
use crate::bench::stats::{self, Summary};
use crate::bench::{self, Measured, Measurement, Options};
use crate::client::{Kind, Method, Searcher};
use crate::dataset::{Matrix, fvecs, hash};

/// Measure searches: through the driver of a mount, or in process on a plain file.
///
/// Every query is searched in each pass; passes are first unmeasured, then timed search by search (CLOCK_MONOTONIC).
/// Recall is against exact answers, computed in process over all rows.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vector file to search.
    vectors: PathBuf,
    /// An .fvecs file of queries.
    queries: PathBuf,
    /// The index to use.
    #[arg(long, value_enum, default_value_t = Kind::Flat)]
    kind: Kind,
    /// Rows to find for each query.
    #[arg(long, default_value_t = 10)]
    k: u32,
    /// How hard an approximate index tries; none for flat.
    #[arg(long, default_value_t = 0)]
    effort: u32,
    /// Threads that share the queries of a pass.
    #[arg(long, default_value = "1")]
    threads: NonZero<usize>,
    /// Passes that are not measured.
    #[arg(long, default_value_t = 5)]
    warmups: usize,
    /// Passes that are measured.
    #[arg(long, default_value = "20")]
    runs: NonZero<usize>,
    /// Print JSON, with every sample, id and distance.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    vectors: Dataset,
    queries: Dataset,
    driver: String,
    /// The code that computes distances where this process does it.
    distance_code: &'static str,
    kind: Kind,
    k: u32,
    effort: u32,
    threads: usize,
    warmups: usize,
    runs: usize,
    clock: &'static str,
    summary: Measured<Summary>,
    /// The share of the exact rows that were found, over all queries.
    recall: Measured<f64>,
    /// The same where a row as near as the last exact one counts as found.
    recall_with_ties: Measured<f64>,
    measurement: Measured<Measurement>,
}

#[derive(Serialize)]
struct Dataset {
    path: PathBuf,
    rows: usize,
    dim: usize,
    blake3: String,
}

impl Dataset {
    fn new(path: &Path, rows: &Matrix) -> Self {
        Dataset {
            path: path.into(),
            rows: rows.rows(),
            dim: rows.dim(),
            blake3: hash::rows(rows).to_string(),
        }
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let vectors = fvecs::read(&arguments.vectors)?;
    let queries = fvecs::read(&arguments.queries)?;
    ensure!(
        !queries.is_empty(),
        "{} holds no queries",
        arguments.queries.display()
    );
    let searcher = Searcher::open(&arguments.vectors)?;
    let method = Method {
        kind: arguments.kind,
        k: arguments.k,
        effort: arguments.effort,
    };
    let (threads, runs) = (arguments.threads.get(), arguments.runs.get());
    let options = Options {
        method,
        warmups: arguments.warmups,
        runs,
        threads,
    };

    let measurement: Measured<_> = bench::run(&searcher, &queries, options).into();
    let failure = measurement.reason.clone();
    let unmeasured = || failure.clone().unwrap_or_default();
    let recall = measurement
        .value
        .as_ref()
        .map(|measured| bench::recall(&truth(&vectors, &queries, arguments.k), &measured.answers));
    let report = Report {
        vectors: Dataset::new(&arguments.vectors, &vectors),
        queries: Dataset::new(&arguments.queries, &queries),
        driver: searcher.driver(),
        distance_code: Backend::best().name(),
        kind: arguments.kind,
        k: arguments.k,
        effort: arguments.effort,
        threads,
        warmups: arguments.warmups,
        runs,
        clock: "CLOCK_MONOTONIC",
        summary: match &measurement.value {
            Some(measured) => stats::summarise(measured).into(),
            None => Err(unmeasured()).into(),
        },
        recall: recall
            .map(|(by_row, _)| by_row)
            .ok_or_else(unmeasured)
            .into(),
        recall_with_ties: recall
            .map(|(_, by_distance)| by_distance)
            .ok_or_else(unmeasured)
            .into(),
        measurement,
    };
    if arguments.json {
        print_json(&report)?
    } else {
        print_summary(&report)?
    }
    failure.map_or(Ok(()), |reason| Err(anyhow!(reason)))
}

fn truth(vectors: &Matrix, queries: &Matrix, k: u32) -> Vec<Vec<Hit>> {
    queries
        .iter()
        .map(|query| flat::search(vectors, query, k as usize))
        .collect()
}

fn print_summary(report: &Report) -> anyhow::Result<()> {
    let (Some(summary), Some(recall)) = (&report.summary.value, report.recall.value) else {
        return Ok(());
    };
    let microseconds = |nanoseconds: f64| nanoseconds / 1000.0;
    let interval = match &summary.median_interval_ns.value {
        Some((low, high)) => format!(" ({:.1} to {:.1})", microseconds(*low), microseconds(*high)),
        None => String::new(),
    };
    let latency = &summary.latency_ns;
    print_line(&format!(
        "{} rows of dimension {}, {} queries, k = {}, searched by {}\n\
         {:.0} searches/s on {} thread(s), recall {recall:.4}\n\
         a search takes {:.1} us{interval} in the median, p95 {:.1}, p99 {:.1}, mean {:.1}",
        report.vectors.rows,
        report.vectors.dim,
        report.queries.rows,
        report.k,
        report.driver,
        summary.searches_per_second,
        report.threads,
        microseconds(latency.p50),
        microseconds(latency.p95),
        microseconds(latency.p99),
        microseconds(latency.mean),
    ))
}
