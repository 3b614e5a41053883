// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the run did not look at, and why.

use maud::html;

use super::super::shown::Shown;
use super::super::table::{Cell, Table};
use super::Section;
use crate::verdict::Verdict;

pub const TITLE: &str = "Not looked at";

/// The section; none for a record of a version that did not tell.
pub fn section(shown: &Shown) -> Option<Section> {
    let table = table(shown.verdict)?;
    Some(Section {
        id: "not-looked-at",
        title: TITLE,
        content: html! { (table.render()) },
    })
}

pub fn table(verdict: &Verdict) -> Option<Table> {
    let mut table = Table::new(
        "What this run did not look at: the verdict says nothing about it",
        &["what", "why"],
    );
    for gap in &verdict.not_looked_at {
        table.row([Cell::text(&gap.what), Cell::text(&gap.why)]);
    }
    (!verdict.not_looked_at.is_empty()).then_some(table)
}
