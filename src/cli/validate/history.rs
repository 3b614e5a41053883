// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate history`

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::output::{print_json, print_line, tell};
use crate::report::history::History;

/// The name of the page, in the directory of the runs.
const PAGE: &str = "history.html";

/// Write a page that shows how every figure went from run to run
///
/// Every directory below DIR that has a verdict.json is a run, at any depth; packs and images are not read. Runs are
/// ordered by the seconds with which `run` begins their names, else by their day. Only figures that are like for like
/// are in one line: unlike machines never are. A directory that gives no run is named on standard error. Nothing is
/// measured and nothing is judged.
///
/// Exit status: 0 written or printed, 2 could not be, or there is no run.
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    /// The directory of runs
    #[arg(value_name = "DIR", default_value = "out/runs")]
    dir: PathBuf,
    /// The page to write [default: history.html in DIR]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print runs, figures and what gave no run as JSON; a page is then written only with --out
    #[arg(long)]
    json: bool,
}

impl HistoryArgs {
    pub fn run(self) -> Result<()> {
        let history = History::read(&self.dir)?;
        for unread in history.unread() {
            let directory = self.dir.join(&unread.directory);
            tell(&format!(
                "vexfs-validate: {} is left out: {}",
                directory.display(),
                unread.why
            ));
        }
        if self.json {
            print_json(&history.told())?;
        }
        let page = match self.out {
            None if self.json => return Ok(()),
            None => self.dir.join(PAGE),
            Some(page) => page,
        };
        fs::write(&page, history.page())
            .with_context(|| format!("cannot write {}", page.display()))?;
        if !self.json {
            print_line(&page.display().to_string())?;
        }
        Ok(())
    }
}
