// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs search`

mod answer;
mod answer_files;
mod every_query;

use std::path::PathBuf;

use anyhow::{Context, ensure};

use self::answer::{SearchOutput, fewer};
use self::answer_files::AnswerFileArgs;
use super::filter::FilterArgs;
use super::output::{print_json, print_line};
use crate::anns::Metric;
use crate::client::{Kind, Method, Searcher};
use crate::dataset::{Matrix, formats};
use crate::system::output::tell;

/// Find the rows of a vector file that are nearest to a query, or to each of many.
///
/// One query prints a line for each row that was found: the row and its distance. With --query-file and without --row,
/// all rows of the query file are searched for, and each line begins with the number of the query.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vector file: on a mount its driver searches, elsewhere this process does.
    file: PathBuf,
    #[command(flatten)]
    query: Query,
    /// Take this row of the query file alone.
    #[arg(long, requires = "query_file", conflicts_with = "query")]
    row: Option<usize>,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    files: AnswerFileArgs,
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
    /// Print JSON, one line for each query.
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
    let queries = arguments.query.read()?;
    let method = Method {
        kind: arguments.kind,
        metric: arguments.metric,
        k: arguments.k,
        effort: arguments.effort,
    };
    let filter = arguments.filter.read()?;
    let open = || -> anyhow::Result<Searcher> {
        let searcher = Searcher::open(&arguments.file)?;
        Ok(match filter {
            Some(filter) => searcher.keeping_to(filter),
            None => searcher,
        })
    };
    match (&queries, arguments.row) {
        (Queries::One(query), _) => one(&open()?, query, method, arguments.json),
        (Queries::File(queries, path), Some(row)) => {
            ensure!(
                row < queries.rows(),
                "{} has {} rows, so there is no row {row}",
                path.display(),
                queries.rows()
            );
            one(&open()?, queries.row(row), method, arguments.json)
        }
        (Queries::File(queries, path), None) => {
            let files = arguments.files.find([&arguments.file, path])?;
            every_query::run(&open()?, queries, method, &files, arguments.json)
        }
    }
}

/// Searches for one query and prints what it finds.
fn one(searcher: &Searcher, query: &[f32], method: Method, json: bool) -> anyhow::Result<()> {
    let found = searcher.search_up_to(query, method)?;
    if json {
        return print_json(&SearchOutput::new(searcher, None, method, &found));
    }
    found
        .hits
        .iter()
        .try_for_each(|hit| print_line(&format!("{}\t{}", hit.row, hit.distance())))?;
    if let Some(fewer) = fewer(searcher, &found, method) {
        tell(&format!("vexfs: {fewer}"));
    }
    Ok(())
}

/// What is searched for.
enum Queries<'a> {
    One(&'a [f32]),
    /// All rows of this file
    File(Matrix, &'a PathBuf),
}

impl Query {
    fn read(&self) -> anyhow::Result<Queries<'_>> {
        if let Some(numbers) = &self.query {
            return Ok(Queries::One(numbers));
        }
        let path = self.query_file.as_ref().context("no query")?;
        Ok(Queries::File(formats::read(path)?, path))
    }
}
