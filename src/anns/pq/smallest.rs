// SPDX-License-Identifier: MIT OR Apache-2.0
//! Collects the rows with the smallest sums.

/// The most bins in which sums are counted.
const BINS: usize = 4096;

/// Collects the rows with the smallest `sum << 32 | row`. Rows are offered in ascending order.
///
/// A histogram tells from which sum on a row is not wanted. That is cheaper than a heap, and the rows need not be in
/// order until the end. The memory is kept from query to query.
#[derive(Default)]
pub struct Smallest {
    wanted: usize,
    /// The keys that may be wanted, and some that turned out not to be.
    kept: Vec<u64>,
    /// The length to which `kept` may grow.
    room: usize,
    /// How many rows were kept for each bin, which stands for `1 << shift` sums.
    bins: Vec<u32>,
    shift: u32,
    /// The highest bin that may hold wanted rows. The bins up to it hold `within` rows: at least `wanted`, once so many
    /// were kept.
    last: usize,
    within: usize,
    /// Rows with this sum or a larger one are not wanted.
    limit: u32,
}

impl Smallest {
    /// Begins a new query that wants `wanted` rows, at least one. Sums go up to `largest`.
    pub fn start(&mut self, wanted: usize, largest: u16) {
        assert!(wanted > 0, "no rows are wanted");
        self.wanted = wanted;
        self.kept.clear();
        self.room = (4 * wanted).max(8192);
        self.shift = (u32::from(largest) / BINS as u32 + 1)
            .next_power_of_two()
            .trailing_zeros();
        self.bins.clear();
        self.last = usize::from(largest >> self.shift);
        self.bins.resize(self.last + 1, 0);
        self.within = 0;
        self.limit = u32::from(largest) + 1;
    }

    /// Returns the limit: rows with this sum or a larger one need not be offered any more.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    pub fn offer(&mut self, sum: u16, row: u32) {
        if u32::from(sum) >= self.limit {
            return;
        }
        self.kept.push(u64::from(sum) << 32 | u64::from(row));
        self.bins[usize::from(sum >> self.shift)] += 1;
        self.within += 1;
        if self.within > self.wanted {
            self.lower();
        }
        if self.kept.len() == self.room {
            self.shrink();
        }
    }

    fn lower(&mut self) {
        while let rest = self.within - self.bins[self.last] as usize
            && rest >= self.wanted
        {
            self.within = rest;
            self.last -= 1;
            self.limit = self.limit.min(((self.last + 1) << self.shift) as u32);
        }
    }

    /// Rows that share a bin with the last of the wanted ones may be many.
    #[cold]
    fn shrink(&mut self) {
        let (_, last, _) = self.kept.select_nth_unstable(self.wanted - 1);
        // A later row with the same sum is not wanted.
        self.limit = self.limit.min((*last >> 32) as u32);
        self.kept.truncate(self.wanted);
    }

    /// Returns the wanted rows, or all that were offered if there were fewer, in no particular order.
    pub fn rows(&mut self) -> Vec<u32> {
        if self.kept.len() > self.wanted {
            self.kept.select_nth_unstable(self.wanted - 1);
            self.kept.truncate(self.wanted);
        }
        self.kept.iter().map(|key| *key as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;
    use rand_pcg::Pcg64;

    use super::*;

    #[test]
    fn the_smallest_are_those_of_sorting_everything() {
        let mut random = Pcg64::new(7, 7);
        let mut smallest = Smallest::default();
        for largest in [0, 1, 255, 4095, 4096, 20_000, u16::MAX] {
            for rows in [1, 10, 1000, 50_000] {
                for wanted in [1, 2, 9, 10, 999, 3000, 60_000] {
                    let mut keys: Vec<u64> = (0..rows)
                        .map(|row| {
                            let sum = random.next_u32() % (u32::from(largest) + 1);
                            u64::from(sum) << 32 | row
                        })
                        .collect();
                    if random.next_u32().is_multiple_of(2) {
                        // Every row is nearer than the rows before it.
                        keys.sort_by_key(|key| std::cmp::Reverse(*key >> 32));
                        for (row, key) in (0..).zip(&mut keys) {
                            *key = *key >> 32 << 32 | row;
                        }
                    }
                    smallest.start(wanted, largest);
                    for key in &keys {
                        smallest.offer((*key >> 32) as u16, *key as u32);
                    }
                    let mut found = smallest.rows();
                    found.sort_unstable();
                    keys.sort_unstable();
                    let mut expected: Vec<u32> =
                        keys.iter().take(wanted).map(|key| *key as u32).collect();
                    expected.sort_unstable();
                    assert_eq!(
                        found, expected,
                        "{wanted} of {rows} with sums up to {largest}"
                    );
                }
            }
        }
    }
}
