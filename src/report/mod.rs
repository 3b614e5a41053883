// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run for readers: a page, JUnit's XML for a CI, Markdown for its summary (`docs/report.md`). The same record gives the same bytes.

mod charts;
mod contestants;
mod junit;
mod markdown;
mod numbers;
mod page;
mod section;
mod table;
mod words;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::comparison::{self, Comparison};
use crate::figures::Figure;
use crate::validate::evidence::Evidence;
use crate::validate::figures;
use crate::validate::verdict::Verdict;

pub const PAGE: &str = "report.html";
pub const JUNIT: &str = "junit.xml";
pub const MARKDOWN: &str = "report.md";

/// What is reported.
pub struct Report<'a> {
    pub evidence: &'a Evidence,
    pub verdict: &'a Verdict,
    pub figures: Vec<Figure>,
    /// The engines side by side, or why there are none.
    pub comparison: Result<&'a Comparison, &'a str>,
}

impl<'a> Report<'a> {
    pub fn of(
        evidence: &'a Evidence,
        verdict: &'a Verdict,
        comparison: Result<&'a Comparison, &'a str>,
    ) -> Report<'a> {
        Report {
            evidence,
            verdict,
            figures: figures::of(evidence),
            comparison,
        }
    }

    pub fn page(&self) -> String {
        page::render(self).into_string()
    }

    pub fn junit(&self) -> Result<String> {
        junit::render(self.verdict)
    }

    pub fn markdown(&self) -> String {
        markdown::render(self)
    }
}

/// Writes all three of the record in `run` to `out`, which is made if it is not there.
pub fn write(run: &Path, evidence: &Evidence, verdict: &Verdict, out: &Path) -> Result<()> {
    let comparison = match run.join(comparison::FILE).exists() {
        true => Ok(Comparison::read(run)?),
        false => Err("this run compared no engines"),
    };
    let report = Report::of(
        evidence,
        verdict,
        comparison.as_ref().map_err(|reason| *reason),
    );
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    for (name, content) in [
        (PAGE, report.page()),
        (JUNIT, report.junit()?),
        (MARKDOWN, report.markdown()),
    ] {
        let path = out.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
