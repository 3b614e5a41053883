// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds what is equal.

use std::cmp::Ordering;

use rayon::prelude::*;

/// Returns the groups of at least two of `count` things that are equal, each group in ascending order. Equal things
/// have equal hashes.
pub fn twins(
    count: usize,
    hash: impl Fn(u32) -> u32 + Sync,
    compare: impl Fn(u32, u32) -> Ordering + Sync,
) -> Vec<Vec<u32>> {
    let mut hashed: Vec<(u32, u32)> = (0..count as u32)
        .into_par_iter()
        .map(|thing| (hash(thing), thing))
        .collect();
    hashed.par_sort_unstable();
    let groups = hashed
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|group| group.len() > 1);
    groups
        .flat_map(|group| {
            let mut things: Vec<u32> = group.iter().map(|(_, thing)| *thing).collect();
            things.sort_unstable_by(|a, b| compare(*a, *b).then(a.cmp(b)));
            things
                .chunk_by(|a, b| compare(*a, *b).is_eq())
                .filter(|equal| equal.len() > 1)
                .map(<[u32]>::to_vec)
                .collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_is_together_also_where_others_have_its_hash() {
        let things = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5];
        let found = |hash: fn(u32) -> u32| {
            let value = |thing: u32| things[thing as usize];
            let mut groups = twins(
                things.len(),
                |thing| hash(value(thing)),
                |a, b| value(a).cmp(&value(b)),
            );
            groups.sort();
            groups
        };
        let expected = [vec![0, 9], vec![1, 3], vec![4, 8, 10]];
        assert_eq!(found(|value| value), expected);
        assert_eq!(found(|_| 0), expected);
    }
}
