// SPDX-License-Identifier: MIT OR Apache-2.0
//! Inserts nodes into the graph, batch by batch.

use std::cell::RefCell;
use std::iter::zip;

use rayon::prelude::*;

use super::graph::{Graph, Links, Nodes};
use super::parameters::Parameters;
use super::select::Selector;
use super::tree::Tree;
use crate::anns::Metric;
use crate::anns::building::{BuildError, Progress};
use crate::anns::code;
use crate::anns::distance::Backend;
use crate::anns::hnsw::beam::{self, Beam};
use crate::anns::hnsw::graph::WIDTH_MAX;
use crate::anns::hnsw::space::Walk;
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
    codes: code::Query,
    found: Vec<u64>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// A batch has at most 1 / `BATCHES` of all nodes, since the nodes of a batch do not see each other.
const BATCHES: usize = 50;

/// How many of `all` nodes may be of one batch where the graph has `there` of them.
pub fn batch(there: usize, all: usize) -> usize {
    there.min(all.div_ceil(BATCHES))
}

impl<'a> Graph<'a> {
    /// Builds the graph. `on_level` tells how many nodes each level has, beginning with level 0.
    pub fn of(
        nodes: Nodes<'a>,
        on_level: &[usize],
        parameters: &Parameters,
        progress: &dyn Progress,
    ) -> Result<Self, BuildError> {
        let levels = on_level.iter().enumerate().map(|(level, nodes)| {
            let width = parameters.m * if level == 0 { 2 } else { 1 };
            Links::new(*nodes, width.min(WIDTH_MAX))
        });
        let levels = levels.collect::<Result<Vec<_>, _>>()?;
        let mut graph = Graph {
            backend: Backend::best(),
            nodes,
            ef: parameters.ef_construction,
            tree: Tree::new(on_level[0], levels[0].width),
            levels,
        };
        let all = on_level[0];
        // The nodes of a batch do not see each other. By inner product a few nodes are the nearest to all others, and
        // where two of them are of one batch, no detour joins them: all look for neighbours a second time.
        let passes = if graph.links_twice() { 2 } else { 1 };
        for pass in 0..passes {
            let done_before = |done: usize| ((pass * all + done) / passes) as u64;
            let mut done = 1;
            while done < all {
                progress.report(done_before(done), all as u64);
                let batch = batch(done, all).min(all - done);
                let nodes: Vec<u32> = (done as u32..(done + batch) as u32).collect();
                match pass {
                    0 => graph.insert(&nodes, progress)?,
                    _ => graph.link_anew(&nodes, progress)?,
                }
                done += batch;
            }
        }
        progress.report(all as u64, all as u64);
        Ok(graph)
    }

    /// Whether all nodes are to look for neighbours a second time.
    pub fn links_twice(&self) -> bool {
        self.nodes.metric == Metric::InnerProduct
    }

    /// Inserts a batch of nodes, to which no link of the graph leads yet.
    pub fn insert(&mut self, batch: &[u32], progress: &dyn Progress) -> Result<(), BuildError> {
        let mut inserted = self.each(batch, progress, Self::neighbours_of)?;
        for (node, neighbours) in zip(batch, &mut inserted) {
            self.join(*node, &mut neighbours[0]);
        }
        self.link(batch, &inserted);
        Ok(())
    }

    /// Chooses neighbours on level 0 once more for a batch of nodes that were inserted.
    pub fn link_anew(&mut self, batch: &[u32], progress: &dyn Progress) -> Result<(), BuildError> {
        let chosen = self.each(batch, progress, Self::neighbours_anew)?;
        self.link(batch, &chosen);
        Ok(())
    }

    fn each(
        &self,
        batch: &[u32],
        progress: &dyn Progress,
        choose: fn(&Self, u32, &mut Scratch) -> Neighbours,
    ) -> Result<Vec<Neighbours>, BuildError> {
        batch
            .par_iter()
            .map(|node| {
                progress.go_on()?;
                Ok(SCRATCH.with_borrow_mut(|scratch| choose(self, *node, scratch)))
            })
            .collect()
    }

    /// Makes nodes the neighbours of those of a batch, and the other way round.
    fn link(&mut self, batch: &[u32], chosen: &[Neighbours]) {
        for level in 0..self.levels.len() {
            let on_level = || {
                zip(batch, chosen).filter_map(|(node, levels)| Some((*node, levels.get(level)?)))
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
    }

    /// Makes `node` a part of the tree. Its parent becomes one of its neighbours on level 0 if it is not.
    fn join(&mut self, node: u32, neighbours: &mut Vec<u64>) {
        let near = neighbours.iter().map(|key| *key as u32);
        let parent = self.tree.insert(node, near.clone());
        if !near.clone().any(|neighbour| neighbour == parent) {
            let mut codes = code::Query::default();
            let key = self.walk(node, &mut codes).key(parent);
            neighbours.truncate(self.room(0, node) - 1);
            neighbours.push(key);
        }
    }

    /// Chooses the neighbours of `node` among the nodes of the graph.
    fn neighbours_of(&self, node: u32, scratch: &mut Scratch) -> Neighbours {
        let Scratch {
            beam,
            selector,
            codes,
            found,
        } = scratch;
        let walk = self.walk(node, codes);
        let mut current = walk.key(0);
        let mut neighbours = Vec::new();
        for (level, links) in self.levels.iter().enumerate().rev() {
            if node as usize >= links.nodes {
                current = beam::descend(walk, links.level(), current);
                continue;
            }
            found.clear();
            found.extend(beam.search(walk, links.level(), current, self.ef));
            current = found[0];
            let selected = selector.select(self, level, node, found);
            neighbours.push(selected.to_vec());
        }
        neighbours.reverse();
        neighbours
    }

    /// Chooses the neighbours of a node on level 0 among those that it has and what a search finds.
    fn neighbours_anew(&self, node: u32, scratch: &mut Scratch) -> Neighbours {
        let Scratch {
            beam,
            selector,
            codes,
            found,
        } = scratch;
        let walk = self.walk(node, codes);
        let (ground, upper) = self.levels.split_first().expect("level 0");
        let start = walk.key(0);
        let start = upper.iter().rev().fold(start, |current, links| {
            beam::descend(walk, links.level(), current)
        });
        let there: Vec<u32> = ground.level().neighbours(node).collect();
        found.clear();
        found.extend(keys(walk, &there));
        let near = beam.search(walk, ground.level(), start, self.ef);
        found.extend(near.filter(|key| *key as u32 != node));
        found.sort_unstable();
        found.dedup();
        vec![selector.select(self, 0, node, found).to_vec()]
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
        let mut there: Vec<u32> = links.level().neighbours(node).collect();
        there.retain(|there| back.iter().all(|back| back.from as u32 != *there));
        if there.len() + back.len() <= self.room(level, node) {
            let there = there.iter().map(|neighbour| u64::from(*neighbour));
            return (
                node,
                there.chain(back.iter().map(|back| back.from)).collect(),
            );
        }
        let Scratch {
            selector,
            codes,
            found,
            ..
        } = scratch;
        let walk = self.walk(node, codes);
        found.clear();
        found.extend(keys(walk, &there));
        found.extend(back.iter().map(|back| back.from));
        found.sort_unstable();
        (node, selector.select(self, level, node, found).to_vec())
    }
}

/// Returns the keys of at most [`WIDTH_MAX`] nodes.
fn keys(walk: Walk, nodes: &[u32]) -> impl Iterator<Item = u64> {
    let mut distances = vec![0; nodes.len()];
    walk.gather(nodes, &mut distances);
    zip(distances, nodes).map(|(distance, node)| key(distance, *node))
}
