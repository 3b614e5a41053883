// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether an index belongs to rows, and which of them it still describes (`docs/index-format.md`).

use super::Index;
use crate::anns::Changes;
use crate::anns::file::blocks;
use crate::dataset::RowSet;

/// Why an index does not fit its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    #[error("the index covers {covered} rows, but the file has only {rows}")]
    FewerRows { covered: u64, rows: u64 },
    #[error("the rows have changed since the index was built")]
    RowsChanged,
}

impl Index {
    /// Checks that the rows that were indexed are the first ones of `rows`, which have the index's dimension.
    pub fn check_rows<'a>(&self, rows: impl Into<RowSet<'a>>) -> Result<(), Stale> {
        match self.changes(rows)?.rows() {
            0 => Ok(()),
            _ => Err(Stale::RowsChanged),
        }
    }

    /// Finds out which covered rows are no longer what they were. An index that describes none of them is stale.
    pub fn changes<'a>(&self, rows: impl Into<RowSet<'a>>) -> Result<Changes, Stale> {
        let rows = rows.into();
        let changes = Changes::none(self.covered_of(rows)?);
        if self.header().has_blocks() {
            let blocks = blocks::count(self.header().rows) as usize;
            return self.changes_since(&changes, rows, 0..blocks);
        }
        match self.header().rows_crc == self.header().fingerprint(rows) {
            true => Ok(changes),
            false => Err(Stale::RowsChanged),
        }
    }

    /// Takes what was known before, and looks at these blocks anew, those that there are. Without fingerprints of
    /// blocks, a look at any of them says nothing.
    pub fn changes_since<'a>(
        &self,
        before: &Changes,
        rows: impl Into<RowSet<'a>>,
        blocks: impl Iterator<Item = usize>,
    ) -> Result<Changes, Stale> {
        let rows = rows.into();
        let covered = self.covered_of(rows)?;
        let sections = self.sections();
        if !self.header().has_blocks() {
            return self.changes(rows);
        }
        let known: &[u32] = sections.get(self.header().sections as usize - 1);
        let mut changes = before.clone();
        for block in blocks.take_while(|block| *block < known.len()) {
            changes.set(
                block,
                blocks::fingerprint(rows, covered, block) != known[block],
            );
        }
        match changes.rows() == covered {
            true => Err(Stale::RowsChanged),
            false => Ok(changes),
        }
    }

    /// How many rows are covered, if there are so many.
    fn covered_of(&self, rows: RowSet) -> Result<usize, Stale> {
        let (covered, rows) = (self.header().rows, rows.rows() as u64);
        match covered > rows {
            true => Err(Stale::FewerRows { covered, rows }),
            false => Ok(covered as usize),
        }
    }
}
