// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs search`

use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde::Serialize;

use super::output::{print_json, print_line};
use crate::anns::Metric;
use crate::client::{Found, Kind, Method, Searcher};
use crate::dataset::formats;
use crate::system::output::tell;

/// Find the rows of a vector file that are nearest to a query.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vector file: on a mount its driver searches, elsewhere this process does.
    file: PathBuf,
    #[command(flatten)]
    query: Query,
    /// The row of the query file to take.
    #[arg(long, default_value_t = 0, requires = "query_file")]
    row: usize,
    /// Rows to find.
    #[arg(long, default_value_t = 10)]
    k: u32,
    /// The index to use.
    #[arg(long, value_enum, default_value_t = Kind::Flat)]
    kind: Kind,
    /// What nearness means.
    #[arg(long, value_enum, default_value_t = Metric::L2)]
    metric: Metric,
    /// How hard an approximate index tries: efSearch (hnsw), nprobe (ivf), rows looked at exactly (pq), probes a table
    /// (lsh); 0 is the index's own default, and flat takes none.
    #[arg(long, default_value_t = 0)]
    effort: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Query {
    /// Take the query from this file, of any format that `vexfs dataset import` reads.
    #[arg(long, value_name = "FILE")]
    query_file: Option<PathBuf>,
    /// The query itself: numbers, separated by commas.
    #[arg(
        long,
        value_delimiter = ',',
        allow_hyphen_values = true,
        value_name = "NUMBERS"
    )]
    query: Option<Vec<f32>>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let query = query(&arguments.query, arguments.row)?;
    let searcher = Searcher::open(&arguments.file)?;
    let method = Method {
        kind: arguments.kind,
        metric: arguments.metric,
        k: arguments.k,
        effort: arguments.effort,
    };
    let found = searcher.search_up_to(&query, method)?;
    if arguments.json {
        return print_json(&SearchOutput::new(&searcher, method, &found));
    }
    found
        .hits
        .iter()
        .try_for_each(|hit| print_line(&format!("{}\t{}", hit.row, hit.distance())))?;
    if let Some(fewer) = fewer(&found, method) {
        tell(&format!("vexfs: {fewer}"));
    }
    Ok(())
}

/// Says why there are fewer hits than were asked for.
fn fewer(found: &Found, method: Method) -> Option<String> {
    let Method { kind, k, .. } = method;
    let count = found.hits.len();
    let why = match (count as u64) < u64::from(k) {
        false => return None,
        true if count as u64 == found.rows => format!("the file has {count} rows"),
        true => format!("a larger --effort finds more by {kind}, and --kind flat finds all"),
    };
    Some(format!("{count} of {k}: {why}"))
}

fn query(query: &Query, row: usize) -> anyhow::Result<Vec<f32>> {
    if let Some(numbers) = &query.query {
        return Ok(numbers.clone());
    }
    let path = query.query_file.as_deref().context("no query")?;
    let queries = formats::read(path)?;
    ensure!(
        row < queries.rows(),
        "{} has {} rows, so there is no row {row}",
        path.display(),
        queries.rows()
    );
    Ok(queries.row(row).to_vec())
}

#[derive(Serialize)]
struct SearchOutput {
    driver: String,
    kind: Kind,
    metric: Metric,
    rows: u64,
    generation: u64,
    evaluated: u64,
    hits: Vec<Hit>,
}

#[derive(Serialize)]
struct Hit {
    row: u32,
    /// The distance; none if it overflowed, for which JSON has no number.
    distance: Option<f32>,
    distance_bits: u32,
}

impl SearchOutput {
    fn new(searcher: &Searcher, method: Method, found: &Found) -> Self {
        let hit = |hit: &crate::anns::Hit| Hit {
            row: hit.row,
            distance: Some(hit.distance()).filter(|distance| distance.is_finite()),
            distance_bits: hit.distance,
        };
        SearchOutput {
            driver: searcher.driver(),
            kind: method.kind,
            metric: method.metric,
            rows: found.rows,
            generation: found.generation,
            evaluated: found.evaluated,
            hits: found.hits.iter().map(hit).collect(),
        }
    }
}
