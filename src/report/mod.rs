// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run for readers: a page, JUnit's XML for a CI, Markdown for its summary (`docs/report.md`), text for a terminal.
//! A page shows the figures of many runs.
//!
//! Reported again, a record gives the bytes that it gave before.

mod charts;
mod clocked;
mod contestants;
pub mod history;
mod junit;
mod markdown;
mod numbers;
mod page;
mod section;
mod shown;
mod table;
pub mod terminal;
mod words;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

pub use shown::Shown;

use crate::protocol::run_files::{JUNIT, MARKDOWN, PAGE};
use crate::verdict::Verdict;
use crate::verdict::evidence::Evidence;

impl Shown<'_> {
    pub fn page(&self) -> String {
        page::render(self)
    }

    pub fn junit(&self) -> Result<String> {
        junit::render(self.verdict)
    }

    pub fn markdown(&self) -> String {
        markdown::render(self)
    }
}

/// Writes the page, JUnit's XML and the Markdown to a directory, which is made if it is not there.
pub fn write(evidence: &Evidence, verdict: &Verdict, dir: &Path) -> Result<()> {
    let shown = Shown::of(evidence, verdict);
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    for (name, content) in [
        (PAGE, shown.page()),
        (JUNIT, shown.junit()?),
        (MARKDOWN, shown.markdown()),
    ] {
        let path = dir.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
