// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the graph as an index file.

use rayon::prelude::*;

use super::graph::Graph;
use super::number;
use super::parameters::Parameters;
use crate::anns::Metric;
use crate::anns::building::BuildError;
use crate::anns::code::{Quantizer, stride};
use crate::anns::file::{Bytes, Header, Kind, NONE, Writer};
use crate::anns::hnsw::search::{Shape, section_sizes};
use crate::dataset::Matrix;

/// Returns the file. `rows_of` tells the row of each node of `graph`.
pub fn file(
    rows: &Matrix,
    metric: Metric,
    parameters: &Parameters,
    seed: u64,
    quantizer: &Quantizer,
    rows_of: &[u32],
    graph: &Graph,
) -> Result<Bytes, BuildError> {
    let shape = Shape {
        m: parameters.m,
        m0: graph.levels[0].width,
        ef_construction: parameters.ef_construction as u32,
        nodes: graph
            .levels
            .iter()
            .map(|links| links.nodes as u64)
            .collect(),
    };
    let mut header = Header::new(Kind::Hnsw, metric, rows, seed);
    header.effort = parameters.ef_search;
    shape.write(&mut header);

    let order = number::file_order(graph);
    let mut number = vec![0; order.len()];
    for (new, old) in (0..).zip(&order) {
        number[*old as usize] = new;
    }

    let mut writer = Writer::new(header, section_sizes)?;
    let [quant, row_section, codes, links, upper] = writer.sections();
    quantizer.write(bytemuck::cast_slice_mut(quant));
    let row_section: &mut [u32] = bytemuck::cast_slice_mut(row_section);
    for (row, node) in row_section.iter_mut().zip(&order) {
        *row = rows_of[*node as usize];
    }
    codes
        .par_chunks_mut(stride(rows.dim()))
        .zip(&order)
        .for_each(|(codes, node)| {
            codes.copy_from_slice(bytemuck::cast_slice(graph.codes.get(*node)));
        });
    let mut upper: &mut [u32] = bytemuck::cast_slice_mut(upper);
    for (level, from) in graph.levels.iter().enumerate() {
        let to = match level {
            0 => bytemuck::cast_slice_mut(&mut *links),
            _ => upper
                .split_off_mut(..from.nodes * from.width)
                .expect("a section of the size of all levels"),
        };
        to.par_chunks_mut(from.width)
            .zip(&order[..from.nodes])
            .for_each(|(to, node)| {
                to.fill(NONE);
                for (to, neighbour) in to.iter_mut().zip(from.level().neighbours(*node)) {
                    *to = number[neighbour as usize];
                }
            });
    }
    Ok(writer.seal(rows))
}
