// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows that an index covers, but that are no longer what they were when it was built (`docs/search.md`).

use std::ops::Range;

use super::file::BLOCK_ROWS;

/// A set of blocks of covered rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    covered: usize,
    /// Block `b` is bit `b % 64` of word `b / 64`.
    words: Vec<u64>,
    rows: usize,
}

impl Changes {
    /// No block of so many covered rows.
    pub fn none(covered: usize) -> Self {
        Changes {
            covered,
            words: vec![0; covered.div_ceil(BLOCK_ROWS).div_ceil(64)],
            rows: 0,
        }
    }

    /// How many rows the blocks have.
    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn covered(&self) -> usize {
        self.covered
    }

    /// Puts a block into the set, or takes it out.
    pub fn set(&mut self, block: usize, changed: bool) {
        if self.has_block(block) == changed {
            return;
        }
        self.words[block / 64] ^= 1 << (block % 64);
        let rows = self.block(block).len();
        match changed {
            true => self.rows += rows,
            false => self.rows -= rows,
        }
    }

    /// Whether a covered row is in one of the blocks.
    pub fn has(&self, row: u32) -> bool {
        self.has_block(row as usize / BLOCK_ROWS)
    }

    /// The rows of each block in the set, or of each block that is not.
    pub fn blocks(&self, changed: bool) -> impl Iterator<Item = Range<usize>> {
        let blocks = self.covered.div_ceil(BLOCK_ROWS);
        let words = self.words.iter().enumerate();
        let wanted =
            words.map(move |(number, word)| (number, if changed { *word } else { !*word }));
        wanted
            .filter(|(_, word)| *word != 0)
            .flat_map(|(number, word)| {
                let bits = (0..64).filter(move |bit| word >> bit & 1 == 1);
                bits.map(move |bit| number * 64 + bit)
            })
            .take_while(move |block| *block < blocks)
            .map(|block| self.block(block))
    }

    fn has_block(&self, block: usize) -> bool {
        self.words[block / 64] >> (block % 64) & 1 == 1
    }

    fn block(&self, block: usize) -> Range<usize> {
        let first = block * BLOCK_ROWS;
        first..self.covered.min(first + BLOCK_ROWS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_changed_blocks_are_counted() {
        let mut changes = Changes::none(66 * BLOCK_ROWS + 3);
        for block in [0, 65, 66] {
            changes.set(block, true);
            changes.set(block, true);
        }
        assert_eq!(changes.rows(), 2 * BLOCK_ROWS + 3);
        changes.set(0, false);
        let blocks: Vec<_> = changes.blocks(true).collect();
        let first = 65 * BLOCK_ROWS;
        let last = first + BLOCK_ROWS;
        assert_eq!(blocks, [first..last, last..last + 3]);
        assert_eq!(changes.rows(), BLOCK_ROWS + 3);
        assert_eq!(changes.blocks(false).count(), 65);
        assert!(!changes.has(0) && !changes.has(first as u32 - 1));
        assert!(changes.has(first as u32) && changes.has(last as u32 + 2));
    }
}
