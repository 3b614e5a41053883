// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selects the candidates that become neighbours.

use super::graph::Graph;
use crate::anns::code::Query;

#[derive(Default)]
pub struct Selector {
    selected: Vec<u64>,
    nodes: Vec<u32>,
    /// The codes of the candidate that is looked at.
    query: Query,
}

impl Selector {
    /// Selects at most `most` of the candidates, which are in ascending order. A candidate is selected if it is nearer
    /// to the node than to any that was selected before (algorithm 4 of Malkov & Yashunin).
    ///
    /// Algorithm 4 does not thin out candidates at distance 0. At most a quarter of the places goes to them: otherwise
    /// the links of many equal rows would lead to each other only.
    pub fn select(&mut self, graph: &Graph, candidates: &[u64], most: usize) -> &[u64] {
        self.selected.clear();
        self.nodes.clear();
        for &candidate in candidates {
            if self.selected.len() == most {
                break;
            }
            if candidate >> 32 == 0 && self.selected.len() >= most.div_ceil(4) {
                continue;
            }
            if self.is_nearest(graph, candidate) {
                self.selected.push(candidate);
                self.nodes.push(candidate as u32);
            }
        }
        &self.selected
    }

    fn is_nearest(&mut self, graph: &Graph, candidate: u64) -> bool {
        let (distance, node) = ((candidate >> 32) as u32, candidate as u32);
        self.query.set(graph.metric, graph.codes.get(node));
        let mut distances = [0; 4];
        self.nodes.chunks(4).all(|nodes| {
            let distances = &mut distances[..nodes.len()];
            graph
                .backend
                .code_gather(&self.query, graph.codes, nodes, distances);
            distances.iter().all(|to_selected| *to_selected >= distance)
        })
    }
}
