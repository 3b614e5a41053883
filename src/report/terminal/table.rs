// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables on a terminal.

use super::super::table::Cell;
use comfy_table::{ContentArrangement, Table, presets};

/// Columns of a terminal that a report takes.
const WIDTH: u16 = 110;

/// A table without lines, as wide as a terminal.
pub fn table() -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    table
}

/// A table of the page, as text.
pub fn of(page: &super::super::table::Table) -> Table {
    let mut rows = table();
    rows.set_header(page.columns.iter().map(|column| column.name.as_str()));
    for row in &page.rows {
        rows.add_row(row.iter().map(Cell::as_str));
    }
    rows
}
