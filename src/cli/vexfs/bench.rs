// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs bench`

use std::cell::LazyCell;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::filter::FilterArgs;
use super::output::{print_json, print_line};
use crate::anns::distance::Backend;
use crate::anns::{Filter, Hit, Metric, flat};
use crate::bench::stats::{self, Summary};
use crate::bench::{self, Measured, Measurement, Options};
use crate::client::{Kind, Method, Searcher};
use crate::dataset::{Matrix, formats, fvecs, hash};
use crate::system::output::tell;

/// Measure searches: through the driver of a mount, or in process on a plain file.
///
/// Every query is searched in each pass; passes are first unmeasured, then timed search by search (CLOCK_MONOTONIC).
/// Exact answers are computed in process over all rows. Recall is the share of the exact row ids that were found, and,
/// with ties, the share of hits that are no further away than the last exact one.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vector file to search.
    vectors: PathBuf,
    /// A file of queries, of any format that `vexfs dataset import` reads.
    queries: PathBuf,
    /// Take the first N queries only [default: all].
    #[arg(long, value_name = "N")]
    query_rows: Option<NonZero<usize>>,
    /// The index to use.
    #[arg(long, value_enum, default_value_t = Kind::Flat)]
    kind: Kind,
    /// Rows to find for each query.
    #[arg(long, default_value_t = 10)]
    k: u32,
    /// What nearness means.
    #[arg(long, value_enum, default_value_t = Metric::L2)]
    metric: Metric,
    /// How hard an approximate index tries; several efforts, separated by commas, are measured one after the other. An
    /// effort is efSearch (hnsw), nprobe (ivf), rows looked at exactly (pq) or probes a table (lsh); 0 is the index's
    /// own default, and flat takes none.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    effort: Vec<u32>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Threads that share the queries of a pass.
    #[arg(long, default_value = "1")]
    threads: NonZero<usize>,
    /// Queries that are asked for at a time; the time of each is its share of a call.
    #[arg(long, default_value = "1", value_name = "N")]
    batch: NonZero<usize>,
    /// Passes that are not measured.
    #[arg(long, default_value_t = 5)]
    warmups: usize,
    /// Passes that are measured.
    #[arg(long, default_value = "20")]
    runs: NonZero<usize>,
    /// Print JSON, with every sample, id and distance: a line for each effort.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct BenchOutput<'a> {
    vectors: &'a Dataset,
    queries: &'a Dataset,
    driver: String,
    /// The code that computes distances, if this process does so.
    distance_code: &'static str,
    kind: Kind,
    metric: Metric,
    k: u32,
    effort: u32,
    threads: usize,
    batch: usize,
    warmups: usize,
    runs: usize,
    clock: &'static str,
    summary: Measured<Summary>,
    /// The share of the exact rows that were found, over all queries.
    recall: Measured<f64>,
    /// The share of hits that are no further away than the last exact one.
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
    let limit = arguments.query_rows.map_or(usize::MAX, NonZero::get);
    let queries = formats::read_first(&arguments.queries, limit)?;
    ensure!(
        !queries.is_empty(),
        "{} holds no queries",
        arguments.queries.display()
    );
    let filter = arguments.filter.read()?;
    let mut searcher = Searcher::open(&arguments.vectors)?;
    if let Some(filter) = &filter {
        ensure!(
            filter.below(vectors.rows()) > 0,
            "the filter has none of the rows of {}",
            arguments.vectors.display()
        );
    }
    let k = k_of(arguments, vectors.rows(), filter.as_ref());
    // Only once a search has shown that the queries fit the vectors.
    let truth = LazyCell::new(|| truth(&vectors, &queries, arguments.metric, k, filter.as_ref()));
    if let Some(filter) = &filter {
        searcher = searcher.keeping_to(filter.clone());
    }
    let (vectors, queries) = (
        &Dataset::new(&arguments.vectors, &vectors),
        (&Dataset::new(&arguments.queries, &queries), &queries),
    );
    let mut reports = Vec::new();
    let mut failure = None;
    for &effort in &arguments.effort {
        let report = measure(arguments, k, effort, &searcher, vectors, queries, &truth);
        if arguments.json {
            print_json(&report)?;
        }
        failure = failure.or(report.measurement.reason.clone());
        reports.push(report);
    }
    if !arguments.json && failure.is_none() {
        print_summary(&reports)?;
    }
    failure.map_or(Ok(()), |reason| Err(anyhow!(reason)))
}

fn measure<'a>(
    arguments: &Arguments,
    k: u32,
    effort: u32,
    searcher: &Searcher,
    vectors: &'a Dataset,
    (queries, query_rows): (&'a Dataset, &Matrix),
    truth: &LazyCell<Vec<Vec<Hit>>, impl FnOnce() -> Vec<Vec<Hit>>>,
) -> BenchOutput<'a> {
    let (threads, runs) = (arguments.threads.get(), arguments.runs.get());
    let options = Options {
        method: Method {
            kind: arguments.kind,
            metric: arguments.metric,
            k,
            effort,
        },
        warmups: arguments.warmups,
        runs,
        threads,
        batch: arguments.batch.get(),
    };
    let measurement: Measured<_> = bench::run(searcher, query_rows, options).into();
    let unmeasured = || measurement.reason.clone().unwrap_or_default();
    let recall = measurement
        .value
        .as_ref()
        .map(|measured| bench::recall(truth, &measured.answers));
    BenchOutput {
        vectors,
        queries,
        driver: searcher.driver(),
        distance_code: Backend::best().name(),
        kind: arguments.kind,
        metric: arguments.metric,
        k,
        effort,
        threads,
        batch: arguments.batch.get(),
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
    }
}

/// How many rows are asked for: no more than there are.
fn k_of(arguments: &Arguments, rows: usize, filter: Option<&Filter>) -> u32 {
    let rows = filter.map_or(rows, |filter| filter.below(rows) as usize);
    let most = u32::try_from(rows.max(1)).unwrap_or(u32::MAX);
    if most < arguments.k {
        tell(&format!(
            "vexfs: {rows} rows of {} may be found, so k is {most} and not {}",
            arguments.vectors.display(),
            arguments.k
        ));
    }
    arguments.k.min(most)
}

fn truth(
    vectors: &Matrix,
    queries: &Matrix,
    metric: Metric,
    k: u32,
    filter: Option<&Filter>,
) -> Vec<Vec<Hit>> {
    queries
        .iter()
        .map(|query| flat::search_filtered(vectors, metric, query, k as usize, filter).hits)
        .collect()
}

fn print_summary(reports: &[BenchOutput]) -> anyhow::Result<()> {
    let Some(first) = reports.first() else {
        return Ok(());
    };
    let (kind, metric, k, threads) = (first.kind, first.metric, first.k, first.threads);
    print_line(&format!(
        "{} rows of dimension {}, {} queries, {kind} for {metric}, k = {k}, searched by {} on {threads} thread(s), {} at a time",
        first.vectors.rows, first.vectors.dim, first.queries.rows, first.driver, first.batch,
    ))?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "effort",
        &format!("recall@{k}"),
        "with ties",
        "searches/s",
        "median, us",
        "95 % interval",
        "p95",
        "p99",
        "mean",
    ]);
    for report in reports {
        table.add_row(line(report).context("nothing was measured")?);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
        column.set_padding((0, 2));
    }
    let lines = table.to_string();
    lines
        .lines()
        .try_for_each(|line| print_line(line.trim_end()))
}

/// The figures of one effort.
fn line(report: &BenchOutput) -> Option<[String; 9]> {
    let summary = report.summary.value.as_ref()?;
    let microseconds = |nanoseconds: f64| format!("{:.1}", nanoseconds / 1000.0);
    let interval = match summary.median_interval_ns.value {
        Some((low, high)) => format!("{} to {}", microseconds(low), microseconds(high)),
        None => String::new(),
    };
    let effort = match report.effort {
        0 if report.kind == Kind::Flat => "none".into(),
        0 => "default".into(),
        effort => effort.to_string(),
    };
    let latency = &summary.latency_ns;
    Some([
        effort,
        format!("{:.4}", report.recall.value?),
        format!("{:.4}", report.recall_with_ties.value?),
        format!("{:.0}", summary.searches_per_second),
        microseconds(latency.p50),
        interval,
        microseconds(latency.p95),
        microseconds(latency.p99),
        microseconds(latency.mean),
    ])
}
