// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of the covered rows a search by an index may answer with.

use crate::anns::file::EFFORT_MAX;
use crate::anns::{Changes, Filter};

/// What a step of a search by an index costs beside the comparison of a row, about (`docs/search.md`).
const WORTH: u64 = 16;

/// The rows of a filter, without those that have changed since the index was built; all rows, where there is neither.
#[derive(Clone, Copy, Debug, Default)]
pub struct Among<'a> {
    pub filter: Option<&'a Filter>,
    pub changes: Option<&'a Changes>,
}

/// For how many rows, and with what effort, an index is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub k: usize,
    pub effort: u32,
}

impl<'a> From<Option<&'a Filter>> for Among<'a> {
    fn from(filter: Option<&'a Filter>) -> Self {
        Among {
            filter,
            changes: None,
        }
    }
}

impl Among<'_> {
    /// Whether all rows are among them.
    pub fn is_all(&self) -> bool {
        self.filter.is_none() && self.changes.is_none()
    }

    pub fn has(&self, row: u32) -> bool {
        self.filter.is_none_or(|filter| filter.has(row))
            && !self.changes.is_some_and(|changes| changes.has(row))
    }

    /// How many of the first `covered` rows these are.
    pub fn count(&self, covered: usize) -> u64 {
        let below = |end| match self.filter {
            Some(filter) => filter.below(end),
            None => end as u64,
        };
        let changed = self.changes.map_or(0, |changes| match self.filter {
            None => changes.rows() as u64,
            Some(_) => changes
                .blocks(true)
                .map(|block| below(block.end) - below(block.start))
                .sum(),
        });
        below(covered) - changed
    }
}

impl Asked {
    /// What an index of `covered` rows is asked for in place of this where the answer may have `there` of them.
    /// Nothing says that all of these are to be compared: the index would save nothing.
    pub fn among(self, there: u64, covered: usize) -> Option<Asked> {
        let n = covered as u64;
        let wanted = u64::from(self.effort).max(self.k as u64);
        if there * there <= WORTH * n * wanted {
            return None;
        }
        let more = |much: u64| (much * n).div_ceil(there);
        Some(Asked {
            k: more(self.k as u64) as usize,
            effort: more(self.effort.into()).min(EFFORT_MAX.into()) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anns::file::BLOCK_ROWS;

    const ASKED: Asked = Asked { k: 10, effort: 64 };

    #[test]
    fn few_rows_are_compared_each() {
        let twice = Asked { k: 20, effort: 128 };
        assert_eq!(ASKED.among(32_000, 64_000), Some(twice));
        assert_eq!(ASKED.among(500, 1000), None);
        assert_eq!(ASKED.among(0, 64_000), None);
        assert_eq!(ASKED.among(64_000, 64_000), Some(ASKED));
        assert_eq!(ASKED.among(0, 0), None);
    }

    #[test]
    fn changed_rows_are_not_among_them() {
        let covered = 100 * BLOCK_ROWS;
        let mut changes = Changes::none(covered);
        (0..20).for_each(|block| changes.set(block * 5, true));
        let mut among = Among {
            filter: None,
            changes: Some(&changes),
        };
        assert_eq!(among.count(covered), 80 * BLOCK_ROWS as u64);
        assert!(!among.has(0) && among.has(BLOCK_ROWS as u32));
        let more = Asked { k: 13, effort: 80 };
        assert_eq!(ASKED.among(among.count(covered), covered), Some(more));
        let half: Filter = (0..covered / 64).map(|_| 0x5555_5555_5555_5555).collect();
        among.filter = Some(&half);
        assert_eq!(among.count(covered), 40 * BLOCK_ROWS as u64);
        assert!(among.has(BLOCK_ROWS as u32) == half.has(BLOCK_ROWS as u32));
    }
}
