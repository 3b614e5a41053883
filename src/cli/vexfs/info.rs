// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs info`

use std::path::PathBuf;

use serde::Serialize;

use super::{print_json, print_line};
use crate::client::Searcher;

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
struct Report {
    driver: String,
    dim: u32,
    rows: u64,
    generation: u64,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let searcher = Searcher::open(&arguments.file)?;
    let info = searcher.info()?;
    let report = Report {
        driver: searcher.driver(),
        dim: info.dim,
        rows: info.rows,
        generation: info.generation,
    };
    if arguments.json {
        return print_json(&report);
    }
    let Report {
        driver,
        dim,
        rows,
        generation,
    } = report;
    print_line(&format!(
        "{rows} rows of dimension {dim}, generation {generation}, searched by: {driver}"
    ))
}
