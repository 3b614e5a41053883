// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of the candidates become neighbours.

use super::graph::Graph;
use crate::anns::code::Query;

#[derive(Default)]
pub struct Selector {
    selected: Vec<u64>,
    nodes: Vec<u32>,
    /// The candidate that is looked at.
    query: Query,
}

impl Selector {
    /// Of candidates in ascending order, at most `most`: those that are nearer than to any that was selected before
    /// (algorithm 4 of Malkov & Yashunin). Of candidates at distance 0, which that does not thin out, a quarter at most: the
    /// links of many equal rows would lead to each other only.
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
