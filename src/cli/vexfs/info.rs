// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs info`

use std::path::PathBuf;

use serde::Serialize;

use super::output::{print_json, print_line};
use crate::anns::{Metric, index};
use crate::client::{Kind, Searcher};
use crate::store::abi::Info;

/// Tell what a vector file holds and who searches it.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vector file.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct InfoOutput {
    driver: String,
    dim: u32,
    rows: u64,
    generation: u64,
    /// The indexes whose header is sound; `vexfs index info` looks closer.
    indexes: Vec<Coverage>,
}

#[derive(Serialize)]
struct Coverage {
    kind: Kind,
    metric: Metric,
    /// Rows that the index covers, from row 0 on.
    rows: u64,
    /// Rows that were appended later, and are searched exactly.
    tail: u64,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let searcher = Searcher::open(&arguments.file)?;
    let info = searcher.info()?;
    let report = InfoOutput {
        driver: searcher.driver(),
        dim: info.dim,
        rows: info.rows,
        generation: info.generation,
        indexes: coverage(&info),
    };
    if arguments.json {
        return print_json(&report);
    }
    let InfoOutput {
        driver,
        dim,
        rows,
        generation,
        indexes,
    } = report;
    print_line(&format!(
        "{rows} rows of dimension {dim}, generation {generation}, searched by: {driver}"
    ))?;
    indexes.iter().try_for_each(|index| {
        let Coverage { kind, metric, .. } = index;
        print_line(&format!(
            "{kind} index for {metric}: covers {}, and {} searched exactly",
            counted(index.rows),
            match index.tail {
                1 => "1 appended row is".to_owned(),
                tail => format!("{tail} appended rows are"),
            }
        ))
    })
}

fn counted(rows: u64) -> String {
    match rows {
        1 => "1 row".into(),
        rows => format!("{rows} rows"),
    }
}

/// How much of the rows each index covers. An index of a kind or metric that this program does not know is left out.
fn coverage(info: &Info) -> Vec<Coverage> {
    let present = info.index.iter().take(info.indexes as usize);
    present
        .filter_map(|index| {
            Some(Coverage {
                kind: index::Kind::from_code(index.kind)?.into(),
                metric: Metric::from_code(index.metric)?,
                rows: index.rows,
                tail: info.rows.saturating_sub(index.rows),
            })
        })
        .collect()
}
