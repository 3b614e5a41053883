// SPDX-License-Identifier: MIT OR Apache-2.0
//! The set of candidate rows. Each is looked at once, however many buckets it is in, and in the order of memory.

/// A set of rows that keeps its memory from query to query.
#[derive(Default)]
pub struct Candidates {
    /// A bit for each row.
    rows: Vec<u64>,
    /// A bit for each word of `rows`, set if the word is not 0.
    words: Vec<u64>,
    list: Vec<u32>,
}

impl Candidates {
    /// Begins an empty set for rows below `rows`.
    pub fn start(&mut self, rows: usize) {
        let words = rows.div_ceil(64);
        // Words that are there already are 0, because `rows` takes them.
        self.rows.resize(words, 0);
        self.words.resize(words.div_ceil(64), 0);
    }

    pub fn add(&mut self, rows: &[u32]) {
        for row in rows {
            self.rows[*row as usize / 64] |= 1 << (row % 64);
            self.words[*row as usize / 4096] |= 1 << (row / 64 % 64);
        }
    }

    /// Takes the rows that were added, in ascending order, and leaves the set empty.
    pub fn rows(&mut self) -> &[u32] {
        self.list.clear();
        for (first_word, words) in (0..).step_by(64).zip(&mut self.words) {
            for word in Ones(std::mem::take(words)) {
                let word = first_word + word;
                let first_row = word * 64;
                let rows = std::mem::take(&mut self.rows[word as usize]);
                self.list.extend(Ones(rows).map(|row| first_row + row));
            }
        }
        &self.list
    }
}

/// Iterates over the positions of the ones in a word.
struct Ones(u64);

impl Iterator for Ones {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        (self.0 != 0).then(|| {
            let position = self.0.trailing_zeros();
            self.0 &= self.0 - 1;
            position
        })
    }
}
