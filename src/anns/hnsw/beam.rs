// SPDX-License-Identifier: MIT OR Apache-2.0
//! The search of one level of the graph, for queries and for rows that are inserted.

use std::iter::zip;

use super::graph::{Level, WIDTH_MAX};
use super::space::Walk;
use crate::anns::file::NONE;
use crate::anns::key;

/// A key, `distance << 32 | node`, as the pool holds it: shifted left by one bit. The lowest bit tells whether the
/// node was expanded. It does not disturb the order, since no node is there twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u64);

impl Entry {
    const EXPANDED: u64 = 1;

    #[inline(always)]
    fn new(base: u32, distance: u32, node: u32) -> Self {
        Entry(key(distance.wrapping_sub(base), node) << 1)
    }

    #[inline(always)]
    fn node(self) -> u32 {
        (self.0 >> 1) as u32
    }

    #[inline(always)]
    fn is_expanded(self) -> bool {
        self.0 & Self::EXPANDED != 0
    }

    fn key(self, base: u32) -> u64 {
        (self.0 >> 1) + (u64::from(base) << 32)
    }
}

/// The memory that searches need, kept from one to the next.
pub struct Beam {
    /// A bit for each node; all bits are 0 between searches.
    visited: Vec<u64>,
    /// The nodes whose bits in `visited` are 1.
    touched: Vec<u32>,
    /// The set `W` of `docs/search.md` in ascending order, with room for a node's neighbours after the last entry that
    /// is kept.
    pool: Vec<Entry>,
    /// The neighbours of the node being expanded that were not visited before. Their distances and the entries of the
    /// near ones are in the next two arrays.
    fresh: [u32; WIDTH_MAX],
    distances: [u32; WIDTH_MAX],
    near: [Entry; WIDTH_MAX],
}

impl Default for Beam {
    fn default() -> Self {
        Beam {
            visited: Vec::new(),
            touched: Vec::new(),
            pool: Vec::new(),
            fresh: [0; WIDTH_MAX],
            distances: [0; WIDTH_MAX],
            near: [Entry(0); WIDTH_MAX],
        }
    }
}

impl Beam {
    /// Step 2 of `docs/search.md`: finds the keys of the `ef` nearest nodes from `start` on, in ascending order.
    pub fn search(
        &mut self,
        walk: Walk,
        level: Level,
        start: u64,
        ef: usize,
    ) -> impl ExactSizeIterator<Item = u64> {
        let base = walk.base();
        let words = walk.space.len().div_ceil(64);
        if self.visited.len() < words {
            self.visited.resize(words, 0);
        }
        if self.pool.len() < ef + WIDTH_MAX {
            self.pool.resize(ef + WIDTH_MAX, Entry(0));
        }
        let visited = &mut self.visited[..words];
        let pool = &mut self.pool[..ef + WIDTH_MAX];

        let first = Entry::new(base, (start >> 32) as u32, start as u32);
        mark(visited, first.node());
        self.touched.clear();
        self.touched.push(first.node());
        if walk.hidden != NONE {
            mark(visited, walk.hidden);
            self.touched.push(walk.hidden);
        }
        pool[0] = first;
        let mut len = 1;
        let mut next = 0;
        while next < len {
            if pool[next].is_expanded() {
                next += 1;
                continue;
            }
            let node = pool[next].node();
            pool[next].0 |= Entry::EXPANDED;
            next += 1;
            // The next entry is the one that is likely to be expanded next.
            level.prefetch(pool[next].node());

            let mut count = 0;
            for neighbour in level.neighbours(node) {
                self.fresh[count % WIDTH_MAX] = neighbour;
                count += usize::from(mark(visited, neighbour));
            }
            let fresh = &self.fresh[..count];
            let distances = &mut self.distances[..count];
            self.touched.extend_from_slice(fresh);
            walk.gather(fresh, distances);

            let limit = if len == ef {
                pool[ef - 1]
            } else {
                Entry(u64::MAX)
            };
            let mut count = 0;
            for (node, distance) in zip(fresh, distances) {
                let entry = Entry::new(base, *distance, *node);
                self.near[count % WIDTH_MAX] = entry;
                count += usize::from(entry < limit);
            }
            if count > 0 {
                let lowest = merge(pool, len, &mut self.near[..count]);
                len = (len + count).min(ef);
                next = next.min(lowest);
            }
        }

        clear(visited, &self.touched);
        self.pool[..len].iter().map(move |entry| entry.key(base))
    }
}

/// Merges the entries of `new` into `pool`, whose first `len` entries are in ascending order. Returns the lowest place
/// that a new entry got.
#[inline(always)]
fn merge(pool: &mut [Entry], len: usize, new: &mut [Entry]) -> usize {
    sort(new);
    // Going from the back, each old entry moves to its final place at once.
    let mut from = len;
    let mut to = len + new.len();
    for entry in new.iter().rev() {
        while from > 0 && pool[from - 1] > *entry {
            to -= 1;
            from -= 1;
            pool[to] = pool[from];
        }
        to -= 1;
        pool[to] = *entry;
    }
    to
}

/// Sorts a few entries by insertion.
#[inline(always)]
fn sort(entries: &mut [Entry]) {
    for i in 1..entries.len() {
        let entry = entries[i];
        let mut place = i;
        while place > 0 && entries[place - 1] > entry {
            entries[place] = entries[place - 1];
            place -= 1;
        }
        entries[place] = entry;
    }
}

/// Marks a node as visited. Returns whether it was not.
#[inline(always)]
fn mark(visited: &mut [u64], node: u32) -> bool {
    let word = &mut visited[node as usize / 64];
    let bit = 1 << (node % 64);
    let fresh = *word & bit == 0;
    *word |= bit;
    fresh
}

/// Clears the marks of the nodes in `touched`, which are all marks that there are.
fn clear(visited: &mut [u64], touched: &[u32]) {
    if touched.len() < visited.len() {
        for node in touched {
            visited[*node as usize / 64] = 0;
        }
    } else {
        visited.fill(0);
    }
}

/// Step 1 of `docs/search.md` on one level: returns the key of the node where the descent ends.
pub fn descend(walk: Walk, level: Level, start: u64) -> u64 {
    let mut current = start;
    let mut distances = [0; WIDTH_MAX];
    loop {
        let places = level.places(current as u32);
        let count = places
            .iter()
            .position(|place| *place == NONE)
            .unwrap_or(places.len());
        let neighbours = &places[..count];
        walk.gather(neighbours, &mut distances[..count]);
        let nearest = zip(neighbours, &distances)
            .filter(|(node, _)| **node != walk.hidden)
            .map(|(node, distance)| key(*distance, *node))
            .fold(current, u64::min);
        if nearest == current {
            return current;
        }
        current = nearest;
    }
}
