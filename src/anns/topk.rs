// SPDX-License-Identifier: MIT OR Apache-2.0
//! The smallest candidates of those seen so far.

use std::collections::BinaryHeap;

use super::Hit;

pub struct TopK {
    /// The largest of the kept candidates is on top.
    heap: BinaryHeap<u64>,
    k: usize,
    limit: f32,
}

impl TopK {
    /// Keeps the `k` smallest candidates, `k` > 0.
    pub fn new(k: usize) -> Self {
        TopK {
            heap: BinaryHeap::with_capacity(k),
            k,
            limit: f32::INFINITY,
        }
    }

    /// Candidates at a greater distance are not kept.
    pub fn limit(&self) -> f32 {
        self.limit
    }

    /// Keeps `candidate` if it is one of the smallest so far.
    pub fn offer(&mut self, candidate: u64) {
        if self.heap.len() < self.k {
            self.heap.push(candidate);
        } else if self.heap.peek().is_some_and(|largest| candidate < *largest) {
            self.heap.pop();
            self.heap.push(candidate);
        } else {
            return;
        }
        if self.heap.len() == self.k {
            self.limit = self
                .heap
                .peek()
                .map_or(f32::INFINITY, |largest| Hit::from(*largest).distance());
        }
    }

    /// What was kept, nearest first.
    pub fn into_hits(self) -> Vec<Hit> {
        self.heap
            .into_sorted_vec()
            .into_iter()
            .map(Hit::from)
            .collect()
    }
}
