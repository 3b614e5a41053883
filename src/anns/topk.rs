// SPDX-License-Identifier: MIT OR Apache-2.0
//! Collects the smallest keys among all that are offered.

use std::collections::BinaryHeap;

use super::Hit;

pub struct TopK {
    /// The keys that are kept, the largest on top.
    heap: BinaryHeap<u64>,
    k: usize,
}

impl TopK {
    /// Keeps the `k` smallest keys, `k` > 0.
    pub fn new(k: usize) -> Self {
        TopK {
            heap: BinaryHeap::with_capacity(k),
            k,
        }
    }

    /// Returns the key from which on no key is kept.
    pub fn limit(&self) -> u64 {
        match self.heap.peek() {
            Some(largest) if self.heap.len() == self.k => *largest,
            _ => u64::MAX,
        }
    }

    /// Keeps `key` if it is one of the smallest so far.
    pub fn offer(&mut self, key: u64) {
        if self.heap.len() < self.k {
            self.heap.push(key);
        } else if let Some(mut largest) = self.heap.peek_mut()
            && key < *largest
        {
            *largest = key;
        }
    }

    /// Returns the keys that were kept, in ascending order.
    pub fn into_keys(self) -> Vec<u64> {
        self.heap.into_sorted_vec()
    }

    /// Returns the keys that were kept as hits, the nearest first.
    pub fn into_hits(self) -> Vec<Hit> {
        self.into_keys().into_iter().map(Hit::from).collect()
    }
}
