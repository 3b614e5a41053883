// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows that are equal share one node while the graph is built. In the file each has a node of its own: these hang on
//! the shared one as a tree, whose edges lead both ways.

use std::collections::HashMap;

/// The rows that are equal to those of nodes.
#[derive(Default)]
pub struct Equals {
    rows: HashMap<u32, Vec<u32>>,
    fan_out: u32,
}

impl Equals {
    /// Takes groups of equal nodes, in ascending order, and the row of each node, which has `width` places for links.
    /// In each group, the first one stays a node. The other result tells which of the nodes stay.
    pub fn of(groups: &[Vec<u32>], row_of: &[u32], width: usize) -> (Self, Vec<bool>) {
        let mut kept = vec![true; row_of.len()];
        for group in groups {
            group[1..]
                .iter()
                .for_each(|node| kept[*node as usize] = false);
        }
        // Nodes are numbered anew: each moves down by those before it that are left out.
        let mut number = Vec::with_capacity(kept.len());
        let mut next = 0;
        for kept in &kept {
            number.push(next);
            next += u32::from(*kept);
        }
        let rows = groups.iter().map(|group| {
            let equal = group[1..].iter().map(|node| row_of[*node as usize]);
            (number[group[0] as usize], equal.collect())
        });
        let equals = Equals {
            rows: rows.collect(),
            fan_out: (width / 4).max(1) as u32,
        };
        (equals, kept)
    }

    /// Returns the rows that are equal to the one of a node.
    pub fn rows(&self, node: u32) -> &[u32] {
        self.rows.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Returns how many places for links each node needs for rows that are equal to its own.
    pub fn reserved(&self, nodes: usize) -> Vec<u32> {
        let mut reserved = vec![0; nodes];
        for (node, rows) in &self.rows {
            reserved[*node as usize] = self.fan_out.min(rows.len() as u32);
        }
        reserved
    }

    /// Returns the equal rows below one of them in the tree, or below the node itself, by their index.
    pub fn next(&self, node: u32, index: Option<u32>) -> std::ops::Range<u32> {
        let count = self.rows(node).len() as u32;
        let start = index.map_or(0, |index| (index + 1) * self.fan_out);
        start.min(count)..(start + self.fan_out).min(count)
    }

    /// Returns the equal row above one of them in the tree, by its index. Nothing stands for the node itself.
    pub fn before(&self, index: u32) -> Option<u32> {
        (index / self.fan_out).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_hang_on_the_first_node_as_a_tree() {
        let row_of = [10, 11, 12, 13, 14, 15, 16];
        let (equals, kept) = Equals::of(&[vec![1, 2, 4, 5, 6]], &row_of, 8);
        assert_eq!(kept, [true, true, false, true, false, false, false]);
        assert_eq!(equals.reserved(3), [0, 2, 0]);
        assert_eq!(equals.rows(0), [0; 0]);
        assert_eq!(equals.rows(1), [12, 14, 15, 16]);
        let mut seen = Vec::new();
        for index in [None, Some(0), Some(1), Some(2), Some(3)] {
            for next in equals.next(1, index) {
                assert_eq!(equals.before(next), index);
                seen.push(next);
            }
        }
        assert_eq!(seen, [0, 1, 2, 3]);
    }
}
