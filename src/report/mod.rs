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

use contestants::Field;

use crate::figures::Figure;
use crate::figures::Located;
use crate::validate::check::Finding;
use crate::validate::evidence::Evidence;
use crate::validate::figures;
use crate::validate::verdict::Verdict;

pub const PAGE: &str = "report.html";
pub const JUNIT: &str = "junit.xml";
pub const MARKDOWN: &str = "report.md";

/// What is reported.
pub struct Report<'a> {
    evidence: &'a Evidence,
    verdict: &'a Verdict,
    figures: Vec<Figure>,
    /// The engines side by side on the host, a workload each; or why there are none.
    fields: Result<Vec<Field<'a>>, String>,
    /// The same in the guest.
    guest_fields: Result<Vec<Field<'a>>, String>,
}

/// The recall at which engines are set against each other where the criteria name none.
const FLOOR: f64 = 0.95;

impl<'a> Report<'a> {
    pub fn of(evidence: &'a Evidence, verdict: &'a Verdict) -> Report<'a> {
        let plan = evidence.criteria.comparison.as_ref();
        let floor = plan.map_or(FLOOR, |plan| plan.recall);
        let fields = |comparison: Result<Located<'a>, Finding>| {
            let comparison = comparison.map_err(|finding| finding.measured)?;
            let workloads = comparison.comparison().workloads.iter();
            Ok(workloads
                .map(|compared| Field::new(comparison.clone(), compared, floor))
                .collect())
        };
        Report {
            evidence,
            verdict,
            figures: figures::of_places(evidence),
            fields: fields(evidence.comparison()),
            guest_fields: fields(evidence.comparison_in_guest()),
        }
    }

    pub fn page(&self) -> String {
        // A terminal's colours in a line of a log, say: no character of HTML.
        let page = page::render(self).into_string();
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        page.replace(control, "\u{fffd}")
    }

    pub fn junit(&self) -> Result<String> {
        junit::render(self.verdict)
    }

    pub fn markdown(&self) -> String {
        markdown::render(self)
    }
}

/// Writes all three to a directory, which is made if it is not there.
pub fn write(evidence: &Evidence, verdict: &Verdict, dir: &Path) -> Result<()> {
    let report = Report::of(evidence, verdict);
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    for (name, content) in [
        (PAGE, report.page()),
        (JUNIT, report.junit()?),
        (MARKDOWN, report.markdown()),
    ] {
        let path = dir.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
