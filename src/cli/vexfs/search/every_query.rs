// SPDX-License-Identifier: MIT OR Apache-2.0
//! A search for each of many queries.

use anyhow::Context;

use super::answer::{SearchOutput, fewer};
use super::answer_files::AnswerFiles;
use crate::cli::vexfs::interruption::Interruption;
use crate::cli::vexfs::output::{print_json, print_line};
use crate::cli::vexfs::progress::ProgressLine;
use crate::client::{Method, Searcher};
use crate::dataset::Matrix;
use crate::system::output::tell;

/// Queries that are searched for before the first of them is told.
const BATCH: usize = 32;

/// Prints what is found for each row of `queries`, or writes it into files.
pub fn run(
    searcher: &Searcher,
    queries: &Matrix,
    method: Method,
    files: &AnswerFiles,
    json: bool,
) -> anyhow::Result<()> {
    let interruption = Interruption::watch()?;
    let progress = files.are_wanted().then(|| ProgressLine::new("searching"));
    let mut answers = Vec::new();
    let mut last_fewer = None;
    let mut with_fewer = 0;
    let mut ahead = Vec::new().into_iter();
    for (number, query) in queries.iter().enumerate() {
        interruption.check()?;
        if ahead.len() == 0 {
            let batch = number..queries.rows().min(number + BATCH);
            // What is wrong with one of them is said of it alone.
            ahead = searcher
                .search_batch(queries, batch, method)
                .unwrap_or_default()
                .into_iter();
        }
        let found = match ahead
            .next()
            .map_or_else(|| searcher.search_up_to(query, method), Ok)
        {
            // What the first one fails by is no fault of its own.
            Err(error) if number == 0 => return Err(error.into()),
            found => found.with_context(|| format!("query {number}"))?,
        };
        if let Some(fewer) = fewer(searcher, &found, method) {
            with_fewer += 1;
            last_fewer = Some(fewer);
        }
        if let Some(progress) = &progress {
            progress.show(number as u64 + 1, queries.rows() as u64);
            answers.push(found.hits);
        } else if json {
            print_json(&SearchOutput::new(searcher, Some(number), method, &found))?;
        } else {
            for hit in &found.hits {
                print_line(&format!("{number}\t{}\t{}", hit.row, hit.distance()))?;
            }
        }
    }
    drop(progress);
    files.write(&interruption, &answers)?;
    if let Some(fewer) = last_fewer.filter(|_| !json) {
        tell(&format!(
            "vexfs: {with_fewer} of {} queries found fewer rows; the last one {fewer}",
            queries.rows()
        ));
    }
    Ok(())
}
