// SPDX-License-Identifier: MIT OR Apache-2.0
//! The smallest candidates of those seen so far.

use std::collections::BinaryHeap;

use super::Hit;

pub struct TopK {
    /// The largest of the kept candidates is on top.
    heap: BinaryHeap<u64>,
    k: usize,
}

impl TopK {
    /// Keeps the `k` smallest candidates, `k` > 0.
    pub fn new(k: usize) -> Self {
        TopK {
            heap: BinaryHeap::with_capacity(k),
            k,
        }
    }

    /// Candidates from here on are not kept.
    pub fn limit(&self) -> u64 {
        match self.heap.peek() {
            Some(largest) if self.heap.len() == self.k => *largest,
            _ => u64::MAX,
        }
    }

    /// Keeps `candidate` if it is one of the smallest so far.
    pub fn offer(&mut self, candidate: u64) {
        if self.heap.len() < self.k {
            self.heap.push(candidate);
        } else if let Some(mut largest) = self.heap.peek_mut()
            && candidate < *largest
        {
            *largest = candidate;
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
