// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables on a terminal.

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
