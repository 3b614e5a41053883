// SPDX-License-Identifier: MIT OR Apache-2.0
//! Filters: sets of rows, to which a search keeps (`docs/search.md`).

use std::ops::Range;

/// Words of which the rows before them are counted together.
const BLOCK: usize = 64;
/// Candidates that are compared at a time.
const BATCH: usize = 1024;

/// The rows that may be answers: row `r` is bit `r % 64` of word `r / 64`. Rows beyond the last word are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    words: Vec<u64>,
    /// How many rows there are before each block of words.
    before: Vec<u32>,
    count: u32,
}

impl Filter {
    /// Adds 64 rows at the end.
    pub fn push(&mut self, word: u64) {
        if self.words.len().is_multiple_of(BLOCK) {
            self.before.push(self.count);
        }
        self.words.push(word);
        self.count += word.count_ones();
    }

    /// A filter of these rows, in any order.
    pub fn of_rows(rows: &[u32]) -> Self {
        let last = rows.iter().max();
        let mut words = vec![0; last.map_or(0, |last| *last as usize / 64 + 1)];
        for row in rows {
            words[*row as usize / 64] |= 1 << (row % 64);
        }
        words.into_iter().collect()
    }

    pub fn words(&self) -> &[u64] {
        &self.words
    }

    pub fn has(&self, row: u32) -> bool {
        let word = self.words.get(row as usize / 64);
        word.is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// How many rows below `end` the filter has.
    pub fn below(&self, end: usize) -> u64 {
        let word = end / 64;
        if word >= self.words.len() {
            return self.count.into();
        }
        let block = word / BLOCK;
        let whole = self.words[block * BLOCK..word]
            .iter()
            .map(|word| word.count_ones());
        let part = (self.words[word] & ((1 << (end % 64)) - 1)).count_ones();
        u64::from(self.before[block]) + u64::from(whole.sum::<u32>() + part)
    }

    /// Gives the filter's rows of a range to `take`, a batch at a time, in ascending order.
    pub fn batches(&self, range: Range<usize>, mut take: impl FnMut(&[u32])) {
        let mut batch = Vec::with_capacity(BATCH + 64);
        let last = range.end.div_ceil(64).min(self.words.len());
        for number in range.start / 64..last {
            let mut word = self.words[number];
            while word != 0 {
                let row = number * 64 + word.trailing_zeros() as usize;
                word &= word - 1;
                if range.contains(&row) {
                    batch.push(row as u32);
                }
            }
            if batch.len() >= BATCH {
                take(&batch);
                batch.clear();
            }
        }
        take(&batch);
    }
}

impl FromIterator<u64> for Filter {
    fn from_iter<T: IntoIterator<Item = u64>>(words: T) -> Self {
        let mut filter = Filter::default();
        words.into_iter().for_each(|word| filter.push(word));
        filter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_and_listed() {
        let rows: Vec<u32> = (0..20_000)
            .filter(|row| row % 7 == 3 || row % 1000 < 5)
            .collect();
        let filter = Filter::of_rows(&rows);
        for end in (0..21_000).step_by(13) {
            let below = rows.iter().filter(|row| **row < end).count() as u64;
            assert_eq!(filter.below(end as usize), below, "{end}");
            let mut listed: Vec<u32> = Vec::new();
            filter.batches(700..end.max(700) as usize, |batch| listed.extend(batch));
            let wanted = rows.iter().filter(|row| (700..end).contains(row));
            assert!(listed.iter().eq(wanted), "{end}");
        }
        assert!(rows.iter().all(|row| filter.has(*row)));
        assert!(!filter.has(1006) && !filter.has(20_000) && !filter.has(u32::MAX));
    }
}
