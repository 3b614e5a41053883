// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate report`

use std::path::PathBuf;

use anyhow::Result;

use super::output::print_line;
use crate::protocol::run_files::{JUNIT, MARKDOWN, PAGE};
use crate::report;
use crate::verdict::record;

/// Write report.html, junit.xml and report.md of a finished run
///
/// `run` has written them already; this writes them again, or elsewhere. Nothing is measured and nothing is judged.
/// Exit status: 0 written, 2 could not be.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// The directory of the run
    #[arg(value_name = "RUN", default_value = "out/latest")]
    run: PathBuf,
    /// Where to write them [default: the directory of the run]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl ReportArgs {
    pub fn run(self) -> Result<()> {
        let (evidence, verdict) = record::read(&self.run)?;
        let out = self.out.unwrap_or_else(|| self.run.clone());
        report::write(&evidence, &verdict, &out)?;
        for name in [PAGE, JUNIT, MARKDOWN] {
            print_line(&out.join(name).display().to_string())?;
        }
        Ok(())
    }
}
