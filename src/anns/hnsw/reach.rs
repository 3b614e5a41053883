// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a walk on level 0 can come from any node to any other one.

use super::graph::Level;

/// Returns how many of `nodes` cannot be reached from node 0, or cannot reach it.
///
/// If there are none, every search with an effort of at least k finds k rows, as long as there are so many.
pub fn cut_off(level: Level, nodes: usize) -> usize {
    let mut starts = vec![0usize; nodes + 1];
    for node in 0..nodes as u32 {
        for neighbour in level.neighbours(node) {
            starts[neighbour as usize + 1] += 1;
        }
    }
    for node in 0..nodes {
        starts[node + 1] += starts[node];
    }
    let mut sources = vec![0; starts[nodes]];
    let mut next = starts.clone();
    for node in 0..nodes as u32 {
        for neighbour in level.neighbours(node) {
            let place = &mut next[neighbour as usize];
            sources[*place] = node;
            *place += 1;
        }
    }
    let from = visited(nodes, |node| level.neighbours(node));
    let to = visited(nodes, |node| {
        sources[starts[node as usize]..starts[node as usize + 1]]
            .iter()
            .copied()
    });
    std::iter::zip(from, to)
        .filter(|(from, to)| !(from & to))
        .count()
}

/// Tells which nodes are reached from node 0.
fn visited<I: Iterator<Item = u32>>(nodes: usize, neighbours: impl Fn(u32) -> I) -> Vec<bool> {
    let mut visited = vec![false; nodes];
    visited[0] = true;
    let mut waiting = vec![0];
    while let Some(node) = waiting.pop() {
        for neighbour in neighbours(node) {
            if !std::mem::replace(&mut visited[neighbour as usize], true) {
                waiting.push(neighbour);
            }
        }
    }
    visited
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anns::file::NONE;

    #[test]
    fn nodes_count_that_lie_at_the_end_of_a_one_way_street_or_nowhere() {
        let ring = [1, NONE, 2, NONE, 0, NONE];
        assert_eq!(cut_off(Level::new(&ring, 2), 3), 0);
        let one_way = [1, NONE, 0, 2, NONE, NONE];
        assert_eq!(cut_off(Level::new(&one_way, 2), 3), 1);
        let apart = [1, NONE, 0, NONE, 0, NONE, 3, NONE];
        assert_eq!(cut_off(Level::new(&apart, 2), 4), 2);
        assert_eq!(cut_off(Level::new(&[NONE], 1), 1), 0);
    }
}
