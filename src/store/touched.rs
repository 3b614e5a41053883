// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which bytes of a file were changed.

use std::ops::Range;

/// How many ranges are told apart. Beyond that the two that lie closest become one.
const RANGES: usize = 64;

/// Ranges of bytes, in their order, with others between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Touched(Vec<Range<u64>>);

impl Touched {
    pub fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let before = self.0.partition_point(|known| known.end < range.start);
        let after = self.0.partition_point(|known| known.start <= range.end);
        let merged = self.0[before..after].iter().fold(range, |merged, known| {
            merged.start.min(known.start)..merged.end.max(known.end)
        });
        self.0.splice(before..after, [merged]);
        if self.0.len() > RANGES {
            self.merge_closest();
        }
    }

    fn merge_closest(&mut self) {
        let gap = |index: &usize| self.0[*index].start - self.0[index - 1].end;
        let Some(second) = (1..self.0.len()).min_by_key(gap) else {
            return;
        };
        let end = self.0.remove(second).end;
        self.0[second - 1].end = end;
    }

    /// Whether one of these bytes was touched.
    pub fn meets(&self, bytes: Range<u64>) -> bool {
        let meets = |range: &Range<u64>| range.start < bytes.end && bytes.start < range.end;
        self.0.iter().any(meets)
    }

    /// The records of `bytes` bytes that were touched and lie within the first `count`, each of them once.
    pub fn records(&self, bytes: u64, count: u64) -> Vec<Range<u64>> {
        let mut records: Vec<Range<u64>> = Vec::new();
        for range in &self.0 {
            let found = range.start / bytes..range.end.div_ceil(bytes).min(count);
            match records.last_mut() {
                Some(last) if found.start <= last.end => last.end = last.end.max(found.end),
                _ if found.is_empty() => {}
                _ => records.push(found),
            }
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(ranges: &[Range<u64>]) -> Touched {
        let mut touched = Touched::default();
        ranges.iter().for_each(|range| touched.add(range.clone()));
        touched
    }

    /// The ends of ranges.
    fn ends(ranges: &[Range<u64>]) -> Vec<(u64, u64)> {
        ranges
            .iter()
            .map(|range| (range.start, range.end))
            .collect()
    }

    #[test]
    fn ranges_that_meet_are_one() {
        let sorted = touched(&[50..60, 10..20, 30..40]);
        assert_eq!(ends(&sorted.0), [(10, 20), (30, 40), (50, 60)]);
        for (added, expected) in [
            (0..5, vec![(0, 5), (10, 20), (30, 40), (50, 60)]),
            (20..30, vec![(10, 40), (50, 60)]),
            (15..55, vec![(10, 60)]),
            (5..10, vec![(5, 20), (30, 40), (50, 60)]),
            (0..100, vec![(0, 100)]),
            (
                70..u64::MAX,
                vec![(10, 20), (30, 40), (50, 60), (70, u64::MAX)],
            ),
            (25..25, vec![(10, 20), (30, 40), (50, 60)]),
        ] {
            let mut all = sorted.clone();
            all.add(added.clone());
            assert_eq!(ends(&all.0), expected, "{added:?}");
        }
        assert!(sorted.meets(8..11) && sorted.meets(15..16) && sorted.meets(0..99));
        assert!(!sorted.meets(0..10) && !sorted.meets(20..30));
    }

    #[test]
    fn of_too_many_ranges_the_closest_become_one() {
        let mut all = Touched::default();
        for index in 0..RANGES as u64 {
            all.add(100 * index..100 * index + 10);
        }
        all.add(1015..1020);
        assert_eq!(all.0.len(), RANGES);
        assert!(all.0.contains(&(1000..1020)), "{:?}", all.0);
    }

    #[test]
    fn records_are_those_that_a_range_lies_in() {
        let all = touched(&[3..9, 10..12, 31..32, 99..u64::MAX]);
        assert_eq!(ends(&all.records(4, 1000)), [(0, 3), (7, 8), (24, 1000)]);
        assert_eq!(ends(&all.records(4, 8)), [(0, 3), (7, 8)]);
        assert_eq!(ends(&all.records(4, 2)), [(0, 2)]);
        assert_eq!(ends(&all.records(4, 0)), []);
        assert_eq!(
            ends(&touched(&[3..9, 30..40]).records(10, 5)),
            [(0, 1), (3, 4)]
        );
    }
}
