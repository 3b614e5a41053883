// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selects the candidates that become neighbours.

use super::graph::Graph;
use crate::anns::code;

#[derive(Default)]
pub struct Selector {
    selected: Vec<u64>,
    nodes: Vec<u32>,
    /// The codes of the candidate that is looked at.
    codes: code::Query,
}

impl Selector {
    /// Selects neighbours of `node` among the candidates, which are in ascending order. A candidate is selected if it
    /// is nearer to the node than to any that was selected before (algorithm 4 of Malkov & Yashunin). On level 0,
    /// neighbours in the tree are always selected.
    ///
    /// Algorithm 4 does not thin out candidates at distance 0. At most a quarter of the places goes to them: otherwise
    /// the links of many equal rows would lead to each other only.
    pub fn select(&mut self, graph: &Graph, level: usize, node: u32, candidates: &[u64]) -> &[u64] {
        let joined = |candidate: u64| level == 0 && graph.tree.joins(node, candidate as u32);
        let most = graph.room(level, node);
        let mut joins = candidates.iter().filter(|key| joined(**key)).count();
        self.selected.clear();
        self.nodes.clear();
        for &candidate in candidates {
            if joined(candidate) {
                joins -= 1;
            } else if self.selected.len() + joins >= most {
                continue;
            } else {
                let zero = graph
                    .nodes
                    .space
                    .is_zero(graph.nodes.metric, (candidate >> 32) as u32);
                let crowd = zero && self.selected.len() >= most.div_ceil(4);
                if crowd || !self.is_nearest(graph, candidate) {
                    continue;
                }
            }
            self.selected.push(candidate);
            self.nodes.push(candidate as u32);
        }
        &self.selected
    }

    fn is_nearest(&mut self, graph: &Graph, candidate: u64) -> bool {
        let (distance, node) = ((candidate >> 32) as u32, candidate as u32);
        let walk = graph.walk(node, &mut self.codes);
        let mut distances = [0; 4];
        self.nodes.chunks(4).all(|nodes| {
            let distances = &mut distances[..nodes.len()];
            walk.gather(nodes, distances);
            distances.iter().all(|to_selected| *to_selected >= distance)
        })
    }
}
