// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bringing a graph up to date: rows that are new are inserted, those that are others look for neighbours anew.
//!
//! No node is taken away, and none leaves its level but the entry point: it is on all levels, and new rows may bring
//! new ones. What joined a node to others before still leads through it.

use std::iter::zip;

use rayon::prelude::*;

use super::equals::Equals;
use super::graph::{Graph, Links, Nodes};
use super::insert::batch;
use super::number::levels_of;
use super::parameters::Parameters;
use super::tree::Tree;
use super::write::{self, Node};
use crate::anns::Metric;
use crate::anns::building::{BuildError, Progress};
use crate::anns::code::{self, Codes};
use crate::anns::distance::{Backend, Rows};
use crate::anns::file::{Bytes, EFFORT_MAX};
use crate::anns::hnsw::search::{Index, Shape};
use crate::anns::hnsw::section;
use crate::anns::hnsw::space::Space;
use crate::dataset::Matrix;

/// The nodes of the graph as it will be, from those that there are and the new rows.
struct Numbers {
    /// The row of each node.
    row_of: Vec<u32>,
    /// The new number of each node that there was.
    moved: Vec<u32>,
    /// The nodes of new rows, those of higher levels first.
    fresh: Vec<u32>,
    on_level: Vec<usize>,
}

impl Index {
    /// Makes the index of all `rows`. Those that are `touched`, in ascending order, are others than it covers.
    pub fn update(
        &self,
        rows: &Matrix,
        touched: &[u32],
        progress: &dyn Progress,
    ) -> Result<Bytes, BuildError> {
        let header = self.sections().header();
        let metric = header.metric();
        let shape = Shape::read(header).expect("it was checked");
        let parameters = Parameters {
            m: shape.m,
            ef_construction: shape.ef_construction.clamp(1, EFFORT_MAX) as usize,
            ef_search: header.effort,
        };
        let numbers = Numbers::of(self, rows.rows(), parameters.m);
        let stride = code::stride(rows.dim());
        let mut codes = Bytes::zeroed(match self.quantizer() {
            Some(_) => numbers.row_of.len() * stride,
            None => 0,
        })?;
        if let Some(quantizer) = self.quantizer() {
            let coded = codes.par_chunks_mut(stride).zip(&numbers.row_of);
            coded.for_each(|(codes, row)| {
                quantizer.encode_row(rows, metric, *row as usize, bytemuck::cast_slice_mut(codes));
            });
            let all = Codes::new(bytemuck::cast_slice(&codes), stride);
            if !code::fit(rows, metric, quantizer, all, &numbers.row_of) {
                return Err(BuildError::Unfit);
            }
        }
        progress.go_on()?;

        let nodes = Nodes {
            rows,
            row_of: &numbers.row_of,
            space: match self.quantizer() {
                Some(_) => Space::Codes(Codes::new(bytemuck::cast_slice(&codes), stride)),
                None => Space::Rows {
                    rows: Rows::of(rows, metric),
                    row_of: &numbers.row_of,
                },
            },
            metric: match (self.quantizer(), metric) {
                (Some(_), Metric::Cosine) => Metric::L2,
                (_, metric) => metric,
            },
            reserved: vec![0; numbers.row_of.len()],
        };
        let levels = self.links(&numbers, &shape)?;
        let tree = Tree::within(
            levels[0].level(),
            numbers.moved.len(),
            rows.rows(),
            shape.m0,
        );
        let tree = tree.ok_or(BuildError::Torn)?;
        let mut graph = Graph {
            backend: Backend::best(),
            nodes,
            ef: parameters.ef_construction,
            levels,
            tree,
        };

        let changed = self.changed(&numbers, touched, &codes, stride);
        let mut steps: Vec<(bool, &[u32])> = Vec::new();
        let (mut there, mut fresh) = (numbers.moved.len(), &numbers.fresh[..]);
        while !fresh.is_empty() {
            let (nodes, others) = fresh.split_at(batch(there, rows.rows()).min(fresh.len()));
            steps.push((true, nodes));
            there += nodes.len();
            fresh = others;
        }
        let batch = batch(there, rows.rows());
        if graph.links_twice() {
            steps.extend(numbers.fresh.chunks(batch).map(|nodes| (false, nodes)));
        }
        steps.extend(changed.chunks(batch).map(|nodes| (false, nodes)));
        let all: usize = steps.iter().map(|(_, nodes)| nodes.len()).sum();
        let mut done = 0;
        for (is_new, nodes) in steps {
            progress.report(done as u64, all as u64);
            match is_new {
                true => graph.insert(nodes, progress)?,
                false => graph.link_anew(nodes, progress)?,
            }
            done += nodes.len();
        }
        let order: Vec<Node> = (0..rows.rows() as u32).map(Node::Of).collect();
        let (seed, quantizer) = (header.seed, self.quantizer());
        let equals = Equals::default();
        write::file(
            metric,
            &parameters,
            seed,
            quantizer,
            &graph,
            &equals,
            &order,
        )
    }

    /// The links as they are, with room for the new nodes.
    fn links(&self, numbers: &Numbers, shape: &Shape) -> Result<Vec<Links>, BuildError> {
        let widths = std::iter::once(shape.m0).chain(std::iter::repeat(shape.m));
        let links = zip(&numbers.on_level, widths).map(|(nodes, width)| Links::new(*nodes, width));
        let mut links = links.collect::<Result<Vec<_>, _>>()?;
        let levels = std::iter::once(self.ground()).chain(self.levels());
        for (links, (level, before)) in zip(&mut links, zip(levels, self.on_level())) {
            for node in 0..before as u32 {
                let neighbours = level.neighbours(node);
                let moved = |node: u32| u64::from(numbers.moved[node as usize]);
                let neighbours: Vec<u64> = neighbours.map(moved).collect();
                links.set(numbers.moved[node as usize], &neighbours);
            }
        }
        Ok(links)
    }

    /// The nodes of covered rows that are others now, as far as the graph can tell.
    fn changed(
        &self,
        numbers: &Numbers,
        touched: &[u32],
        codes: &Bytes,
        stride: usize,
    ) -> Vec<u32> {
        let before: &[u8] = self.sections().get(section::CODES);
        let rows: &[u32] = self.sections().get(section::ROWS);
        let nodes = rows.iter().zip(&numbers.moved).enumerate();
        let changed = nodes.filter(|(old, (row, new))| {
            let code = |codes: &[u8], node: usize| codes[node * stride..][..stride].to_vec();
            touched.binary_search(row).is_ok()
                && (self.quantizer().is_none() || code(before, *old) != code(codes, **new as usize))
        });
        changed.map(|(_, (_, new))| *new).collect()
    }
}

impl Numbers {
    /// Nodes of a higher level still come first, and of one level those that there were. A level above all that there
    /// were has the entry point and new nodes.
    fn of(index: &Index, rows: usize, m: usize) -> Self {
        let header = index.sections().header();
        let before: &[u32] = index.sections().get(section::ROWS);
        let new = levels_of(before.len(), rows, header.seed, m);
        let mut before_on = index.on_level();
        let levels = new.iter().map(|highest| highest + 1).max().unwrap_or(0);
        before_on.resize(levels.max(before_on.len()), 1);
        before_on.push(0);
        let (mut row_of, mut moved) = (Vec::with_capacity(rows), vec![0; before.len()]);
        let (mut fresh, mut on_level) = (Vec::with_capacity(new.len()), Vec::new());
        for (level, on) in before_on.windows(2).enumerate().rev() {
            let old = on[1]..on[0];
            for (moved, to) in moved[old.clone()].iter_mut().zip(row_of.len() as u32..) {
                *moved = to;
            }
            row_of.extend(&before[old]);
            let first = row_of.len() as u32;
            let rows = zip(before.len() as u32.., &new).filter(|(_, on)| **on == level);
            row_of.extend(rows.map(|(row, _)| row));
            fresh.extend(first..row_of.len() as u32);
            on_level.insert(0, row_of.len());
        }
        Numbers {
            row_of,
            moved,
            fresh,
            on_level,
        }
    }
}
