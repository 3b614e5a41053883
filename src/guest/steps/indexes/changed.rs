// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows that an index knows as they were, where it is worth asking for the others: it may not answer with these.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use anyhow::{Result, ensure};

use super::comparison::{Comparisons, told};
use super::stock::{COVERED, K, Stock, method};
use crate::anns::Filter;
use crate::anns::index::{Among, Asked};
use crate::client::Searcher;
use crate::dataset::fvecs;
use crate::exercise::Tell;
use crate::protocol::results::Case;

/// The row that changes. Its old place is where it is searched for.
const ROW: usize = 3;

pub fn cases(stock: &Stock, tell: Tell) -> Result<Vec<Case>> {
    let row_bytes = 4 * (stock.rows.dim() as u64 + 1);
    let file = OpenOptions::new().write(true).open(&stock.path)?;
    let write = |row: &[f32]| -> Result<()> {
        let mut bytes = Vec::new();
        fvecs::encode_row(&mut bytes, row)?;
        Ok(file.write_all_at(&bytes, ROW as u64 * row_bytes)?)
    };
    let before = stock.rows.row(ROW).to_vec();
    // A row that two answers have, and one that an answer has as it was.
    let a_little: Vec<f32> = before.iter().map(|element| element + 0.001).collect();
    let far_away: Vec<f32> = before.iter().map(|element| element + 1.0e3).collect();
    let half: Vec<u32> = (ROW as u32 % 2..stock.rows.rows() as u32)
        .step_by(2)
        .collect();
    let half = Filter::of_rows(&half);
    let k = K as usize;

    let mut cases = Comparisons::new(tell);
    for (what, row) in [("a little", a_little), ("to a far place", far_away)] {
        let mut rows = stock.rows.clone();
        rows.set(ROW, &row);
        write(&row)?;
        for (kind, index) in &stock.indexes {
            let known = index.search(&stock.rows, &before, k, 1);
            ensure!(
                known.hits.iter().any(|hit| hit.row == ROW as u32),
                "{kind} does not find a row at its place"
            );
            let changes = index.changes(&rows)?;
            for (rest, filter) in [("", None), (", half of the rows", Some(&half))] {
                let among = Among {
                    filter,
                    changes: Some(&changes),
                };
                let asked = Asked { k, effort: 1 }.among(among.count(COVERED), COVERED);
                ensure!(asked.is_some(), "the other rows are compared each");
                let expected = index.search_among(&rows, &before, k, 1, among);
                let mut searcher = Searcher::open(&stock.path)?;
                if let Some(filter) = filter {
                    searcher = searcher.keeping_to(filter.clone());
                }
                let found = searcher.search(&before, method((*kind).into(), 1));
                let name = format!("{kind}: a row moved {what}{rest}");
                cases.push(name, told(found, &expected));
            }
        }
    }
    write(&before)?;
    Ok(cases.into_cases())
}
