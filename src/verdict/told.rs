// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a record says of itself, without the evidence behind it: enough to set runs of many versions side by side.
//!
//! Nothing is judged again here. The evidence is read only by the version that wrote it, and a history has many.

use std::path::Path;

use anyhow::Result;
use jiff::civil::Date;
use serde::Deserialize;

use super::Verdict;
use super::record::{check_format, parse};
use crate::figures::Figure;
use crate::protocol::run_files::{FIGURES, RUN, VERDICT};

pub struct Told {
    /// The version of the toolkit that made the run.
    pub toolkit: String,
    pub date: Date,
    /// The CPU of the host.
    pub cpu: Option<String>,
    pub verdict: Verdict,
    pub figures: Vec<Figure>,
}

/// The part of `run.json` that every format has.
#[derive(Deserialize)]
struct Run {
    format: u32,
    toolkit: String,
    date: Date,
    cpu: Option<String>,
}

/// Whether a directory has what every finished run leaves last.
pub fn is_a_run(dir: &Path) -> bool {
    dir.join(VERDICT).exists()
}

pub fn read(dir: &Path) -> Result<Told> {
    let run: Run = parse(dir, RUN)?;
    check_format(run.format, &run.toolkit)?;
    Ok(Told {
        toolkit: run.toolkit,
        date: run.date,
        cpu: run.cpu,
        verdict: parse(dir, VERDICT)?,
        figures: parse(dir, FIGURES)?,
    })
}
