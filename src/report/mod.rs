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

use crate::comparison::Comparison;
use crate::figures::Figure;
use crate::validate::evidence::Evidence;
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
            figures: Vec::new(),
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

    /// Writes all three to a directory, which is made if it is not there.
    pub fn write(&self, dir: &Path) -> Result<()> {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        for (name, content) in [
            (PAGE, self.page()),
            (JUNIT, self.junit()?),
            (MARKDOWN, self.markdown()),
        ] {
            let path = dir.join(name);
            fs::write(&path, content)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}
