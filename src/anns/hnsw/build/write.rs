// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the graph as an index file.

use rayon::prelude::*;

use super::equals::Equals;
use super::graph::Graph;
use super::number;
use super::parameters::Parameters;
use crate::anns::Metric;
use crate::anns::building::BuildError;
use crate::anns::code::{Quantizer, stride};
use crate::anns::file::{Bytes, Header, Kind, NONE, Writer};
use crate::anns::hnsw::search::{Shape, section_sizes};

/// A node of the file.
#[derive(Clone, Copy)]
pub enum Node {
    /// A node of the graph.
    Of(u32),
    /// A row that is equal to the one of `node`: the `index`-th of these.
    Equal { node: u32, index: u32 },
}

/// Returns the file, with its nodes in this order. Without a quantizer it has no codes.
pub fn file(
    metric: Metric,
    parameters: &Parameters,
    seed: u64,
    quantizer: Option<&Quantizer>,
    graph: &Graph,
    equals: &Equals,
    order: &[Node],
) -> Result<Bytes, BuildError> {
    let rows = graph.nodes.rows;
    let m0 = graph.levels[0].width;
    let mut nodes: Vec<u64> = graph
        .levels
        .iter()
        .map(|links| links.nodes as u64)
        .collect();
    nodes[0] = rows.rows() as u64;
    let shape = Shape {
        m: parameters.m,
        m0,
        ef_construction: parameters.ef_construction as u32,
        nodes,
    };
    let mut header = Header::new(Kind::Hnsw, metric, rows, seed);
    header.effort = parameters.ef_search;
    header.exact = u32::from(quantizer.is_none());
    shape.write(&mut header);

    // The number of each node of the graph, and of the first row that is equal to its own; the others follow it.
    let mut number = vec![0; graph.nodes.row_of.len()];
    let mut first_equal = vec![0; graph.nodes.row_of.len()];
    for (new, node) in (0..).zip(order) {
        match *node {
            Node::Of(node) => number[node as usize] = new,
            Node::Equal { node, index: 0 } => first_equal[node as usize] = new,
            Node::Equal { .. } => (),
        }
    }

    let mut writer = Writer::new(header, section_sizes)?;
    let [quant, row_section, codes, links, upper] = writer.sections();
    if let Some(quantizer) = quantizer {
        quantizer.write(bytemuck::cast_slice_mut(quant));
        codes
            .par_chunks_mut(stride(rows.dim()))
            .zip(order)
            .for_each(|(codes, node)| {
                let (Node::Of(node) | Node::Equal { node, .. }) = *node;
                let row = graph.nodes.row_of[node as usize] as usize;
                quantizer.encode_row(rows, metric, row, bytemuck::cast_slice_mut(codes));
            });
    }
    let row_section: &mut [u32] = bytemuck::cast_slice_mut(row_section);
    for (row, node) in row_section.iter_mut().zip(order) {
        *row = match *node {
            Node::Of(node) => graph.nodes.row_of[node as usize],
            Node::Equal { node, index } => equals.rows(node)[index as usize],
        };
    }

    let links: &mut [u32] = bytemuck::cast_slice_mut(links);
    links.par_chunks_mut(m0).zip(order).for_each(|(to, node)| {
        to.fill(NONE);
        let mut places = to.iter_mut();
        let mut link = |to| *places.next().expect("places were reserved") = to;
        match *node {
            Node::Of(node) => {
                let neighbours = graph.levels[0].level().neighbours(node);
                neighbours.for_each(|neighbour| link(number[neighbour as usize]));
                equals
                    .next(node, None)
                    .for_each(|index| link(first_equal[node as usize] + index));
            }
            Node::Equal { node, index } => {
                link(match equals.before(index) {
                    None => number[node as usize],
                    Some(before) => first_equal[node as usize] + before,
                });
                equals
                    .next(node, Some(index))
                    .for_each(|index| link(first_equal[node as usize] + index));
            }
        }
    });
    let mut upper: &mut [u32] = bytemuck::cast_slice_mut(upper);
    for from in &graph.levels[1..] {
        let to = upper
            .split_off_mut(..from.nodes * from.width)
            .expect("a section of the size of all levels");
        to.par_chunks_mut(from.width)
            .zip(&order[..from.nodes])
            .for_each(|(to, node)| {
                let Node::Of(node) = *node else {
                    unreachable!("equal rows are on level 0 only")
                };
                to.fill(NONE);
                for (to, neighbour) in to.iter_mut().zip(from.level().neighbours(node)) {
                    *to = number[neighbour as usize];
                }
            });
    }
    Ok(writer.seal(rows))
}

/// Returns the nodes in the order of their numbers in the file. Rows that are equal to the row of a node follow it, or
/// the last node of a higher level.
pub fn with_equals(graph: &Graph, equals: &Equals) -> Vec<Node> {
    let order = number::file_order(graph);
    let above = graph.levels.get(1).map_or(0, |level| level.nodes);
    let (above, ground) = order.split_at(above);
    let equal_to = |node: u32| {
        (0..equals.rows(node).len() as u32).map(move |index| Node::Equal { node, index })
    };
    let of_above = above.iter().map(|node| Node::Of(*node));
    let equal_to_above = above.iter().flat_map(|node| equal_to(*node));
    let on_ground = ground
        .iter()
        .flat_map(|node| std::iter::once(Node::Of(*node)).chain(equal_to(*node)));
    of_above.chain(equal_to_above).chain(on_ground).collect()
}
