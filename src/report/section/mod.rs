// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sections of the page, a file each.

pub mod checks;
pub mod indexes;
pub mod latency;
pub mod memory;
pub mod module_clock;
pub mod not_looked_at;
pub mod peers;
pub mod places;
pub mod provenance;
pub mod recall;
pub mod reproduce;
pub mod verdict;

use maud::{Markup, html};

use super::table::Table;

/// One section: its id, its heading, and what is in it.
pub struct Section {
    pub id: &'static str,
    pub title: &'static str,
    pub content: Markup,
}

/// A drawing with a sentence about it, and all of its figures in a table right below.
pub fn figure(
    title: &str,
    drawing: Markup,
    legend: Option<Markup>,
    note: &str,
    table: &Table,
) -> Markup {
    figure_of_width("part", title, drawing, legend, note, table)
}

/// A drawing as wide as the page (`whole`), or beside others (`part`).
pub fn figure_of_width(
    width: &str,
    title: &str,
    drawing: Markup,
    legend: Option<Markup>,
    note: &str,
    table: &Table,
) -> Markup {
    html! {
        figure class=(width) {
            figcaption { (title) }
            (drawing)
            @if let Some(legend) = legend { (legend) }
            @if !note.is_empty() { p class="note" { (note) } }
            details {
                summary { "Figures of this plot" }
                (table.render())
            }
        }
    }
}

/// Says why a section has nothing to show.
pub fn missing(what: &str, reason: &str) -> Markup {
    html! { p class="missing" { (what) ": " (reason) } }
}
