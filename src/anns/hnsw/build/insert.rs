// SPDX-License-Identifier: MIT OR Apache-2.0
//! Inserts nodes into the graph, batch by batch.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::graph::{Graph, Links};
use super::parameters::Parameters;
use super::select::Selector;
use crate::anns::Metric;
use crate::anns::building::{BuildError, Progress};
use crate::anns::code::{Codes, Query};
use crate::anns::distance::Backend;
use crate::anns::hnsw::beam::{self, Beam, WIDTH_MAX};
use crate::anns::key;

/// The keys of a new node's neighbours, level by level, beginning with level 0.
type Neighbours = Vec<Vec<u64>>;

/// A new edge back to a node of the graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Back {
    to: u32,
    /// The key of the node that the edge comes from.
    from: u64,
}

#[derive(Default)]
struct Scratch {
    beam: Beam,
    selector: Selector,
    query: Query,
    found: Vec<u64>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// A batch has at most 1 / `BATCHES` of all nodes, since the nodes of a batch do not see each other.
const BATCHES: usize = 50;

impl<'a> Graph<'a> {
    /// Builds the graph of all codes. `nodes` tells how many nodes each level has, beginning with level 0.
    pub fn of(
        codes: Codes<'a>,
        nodes: &[usize],
        metric: Metric,
        parameters: &Parameters,
        progress: &dyn Progress,
    ) -> Result<Self, BuildError> {
        let levels = nodes.iter().enumerate().map(|(level, nodes)| {
            let width = parameters.m * if level == 0 { 2 } else { 1 };
            Links::new(*nodes, width.min(WIDTH_MAX))
        });
        let mut graph = Graph {
            backend: Backend::best(),
            codes,
            // L2 orders rows of length 1 as their angles do. Inner products do not: codes have an offset.
            metric: match metric {
                Metric::Cosine => Metric::L2,
                metric => metric,
            },
            ef: parameters.ef_construction,
            levels: levels.collect::<Result<_, _>>()?,
        };
        let all = nodes[0];
        let mut done = 1;
        while done < all {
            let batch = done.min(all.div_ceil(BATCHES)).min(all - done);
            graph.insert(done as u32..(done + batch) as u32, progress)?;
            done += batch;
        }
        progress.report(all as u64, all as u64);
        Ok(graph)
    }

    /// Inserts a batch of nodes, which are numbered after all that were inserted.
    fn insert(&mut self, batch: Range<u32>, progress: &dyn Progress) -> Result<(), BuildError> {
        let all = self.codes.len() as u64;
        let inserted: Vec<Neighbours> = batch
            .clone()
            .into_par_iter()
            .map(|node| {
                if progress.should_stop() {
                    return Err(BuildError::Interrupted);
                }
                if node % 1024 == 0 {
                    progress.report(batch.start.into(), all);
                }
                Ok(SCRATCH.with_borrow_mut(|scratch| self.neighbours_of(node, scratch)))
            })
            .collect::<Result<_, _>>()?;

        for level in 0..self.levels.len() {
            let on_level = || {
                batch
                    .clone()
                    .zip(&inserted)
                    .filter_map(|(node, levels)| Some((node, levels.get(level)?)))
            };
            for (node, neighbours) in on_level() {
                self.levels[level].set(node, neighbours);
            }
            let mut back: Vec<Back> = on_level()
                .flat_map(|(node, neighbours)| {
                    neighbours.iter().map(move |neighbour| Back {
                        to: *neighbour as u32,
                        from: neighbour & !0xffff_ffff | u64::from(node),
                    })
                })
                .collect();
            back.par_sort_unstable();
            let changed: Vec<(u32, Vec<u64>)> = back
                .chunk_by(|a, b| a.to == b.to)
                .collect::<Vec<_>>()
                .into_par_iter()
                .map(|back| {
                    SCRATCH.with_borrow_mut(|scratch| self.with_edges_back(level, back, scratch))
                })
                .collect();
            for (node, neighbours) in changed {
                self.levels[level].set(node, &neighbours);
            }
        }
        Ok(())
    }

    /// Chooses the neighbours of `node` among the nodes of the graph.
    fn neighbours_of(&self, node: u32, scratch: &mut Scratch) -> Neighbours {
        let Scratch {
            beam,
            selector,
            query,
            found,
        } = scratch;
        query.set(self.metric, self.codes.get(node));
        let mut current = self.backend.code_key(query, self.codes, 0);
        let mut neighbours = Vec::new();
        for links in self.levels.iter().rev() {
            if node as usize >= links.nodes {
                current = beam::descend(self.backend, self.codes, links.level(), query, current);
                continue;
            }
            found.clear();
            found.extend(beam.search(
                self.backend,
                self.codes,
                links.level(),
                query,
                current,
                self.ef,
            ));
            current = found[0];
            neighbours.push(selector.select(self, found, links.width).to_vec());
        }
        neighbours.reverse();
        neighbours
    }

    /// Returns a node of the graph and its neighbours, after the edges `back` were added.
    fn with_edges_back(
        &self,
        level: usize,
        back: &[Back],
        scratch: &mut Scratch,
    ) -> (u32, Vec<u64>) {
        let node = back[0].to;
        let links = &self.levels[level];
        let there: Vec<u32> = links.level().neighbours(node).collect();
        if there.len() + back.len() <= links.width {
            let there = there.iter().map(|neighbour| u64::from(*neighbour));
            return (
                node,
                there.chain(back.iter().map(|back| back.from)).collect(),
            );
        }
        let Scratch {
            selector,
            query,
            found,
            ..
        } = scratch;
        query.set(self.metric, self.codes.get(node));
        let mut distances = vec![0; there.len()];
        self.backend
            .code_gather(query, self.codes, &there, &mut distances);
        found.clear();
        let there = distances.iter().zip(&there);
        found.extend(there.map(|(distance, node)| key(*distance, *node)));
        found.extend(back.iter().map(|back| back.from));
        found.sort_unstable();
        (node, selector.select(self, found, links.width).to_vec())
    }
}
