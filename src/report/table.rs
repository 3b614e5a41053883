// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables of the page. A wide one scrolls in a box of its own, so that the page never does.

use maud::{Markup, html};

pub struct Table {
    /// What the table shows.
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

pub struct Column {
    pub name: String,
    /// Whether the column has figures, which stand at the right, under each other.
    pub numeric: bool,
}

#[derive(Clone)]
pub enum Cell {
    Text(String),
    /// A text so long that it takes several lines.
    Prose(String),
    /// A hash or a command, in letters of one width.
    Code(String),
    /// Why there is nothing to show.
    Missing(String),
    /// A small drawing, and what it shows where nothing can be drawn.
    Drawing {
        drawing: Markup,
        says: String,
    },
}

impl Table {
    /// The names of the columns; `#` before one says that figures stand in it.
    pub fn new(caption: impl Into<String>, columns: &[&str]) -> Table {
        let column = |&name: &&str| Column {
            name: name.trim_start_matches('#').to_owned(),
            numeric: name.starts_with('#'),
        };
        Table {
            caption: caption.into(),
            columns: columns.iter().map(column).collect(),
            rows: Vec::new(),
        }
    }

    /// Sets the unit of all figures of the table, except where a column names its own.
    pub fn unit(&mut self, unit: &str) {
        self.caption = format!("{} ({unit})", self.caption);
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub fn render(&self) -> Markup {
        html! {
            div class="scroll" tabindex="0" role="region" aria-label=(self.caption) {
                table {
                    caption { (self.caption) }
                    thead { tr {
                        @for column in &self.columns {
                            th scope="col" class=[column.numeric.then_some("number")] { (column.name) }
                        }
                    } }
                    tbody { @for row in &self.rows { tr {
                        @for (n, (cell, column)) in row.iter().zip(&self.columns).enumerate() {
                            @let rest = self.columns.len() - n;
                            @if n == 0 { th scope="row" { (cell.render()) } }
                            // What ends a row early takes all of it.
                            @else if n + 1 == row.len() && rest > 1 { td colspan=(rest) { (cell.render()) } }
                            @else { td class=[column.numeric.then_some("number")] { (cell.render()) } }
                        }
                    } } }
                }
            }
        }
    }
}

impl Table {
    /// The table in Markdown, where a row that ends early is filled up.
    pub fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let names = self.columns.iter().map(|column| escaped(&column.name));
        let rulers = self
            .columns
            .iter()
            .map(|column| if column.numeric { "---:" } else { "---" });
        let mut text = line(names.collect()) + &line(rulers.map(str::to_owned).collect());
        for row in &self.rows {
            let mut cells: Vec<String> = row.iter().map(|cell| escaped(cell.as_str())).collect();
            cells.resize(self.columns.len(), String::new());
            text.push_str(&line(cells));
        }
        text
    }
}

/// Text that neither ends a cell nor means anything in Markdown or HTML.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    pub fn code(text: impl Into<String>) -> Cell {
        Cell::Code(text.into())
    }

    pub fn or_reason(shown: Result<impl Into<String>, impl Into<String>>) -> Cell {
        match shown {
            Ok(text) => Cell::Text(text.into()),
            Err(reason) => Cell::Missing(reason.into()),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Cell::Text(text) | Cell::Prose(text) | Cell::Code(text) | Cell::Missing(text) => text,
            Cell::Drawing { says, .. } => says,
        }
    }

    fn render(&self) -> Markup {
        html! {
            @match self {
                Cell::Text(text) => (text),
                Cell::Prose(text) => span class="prose" { (text) },
                Cell::Code(text) => code { (text) },
                Cell::Missing(reason) => span class="missing" { (reason) },
                Cell::Drawing { drawing, .. } => (drawing),
            }
        }
    }
}
