// SPDX-License-Identifier: MIT OR Apache-2.0
//! An index that was read from a file: its checks and its search.

use std::cell::RefCell;

use super::beam::{self, Beam};
use super::graph::{Level, WIDTH_MAX};
use super::space::{Query, Space, Walk};
use super::{LEVELS_MAX, reach, section};
use crate::anns::code::{self, Codes, Quantizer};
use crate::anns::distance::{self, Backend, Rows};
use crate::anns::file::{Header, Malformed, NONE, Sections, check_permutation, demand};
use crate::dataset::{Matrix, RowSet};

/// Positions of this kind's parameters in a header.
mod param {
    pub const M: usize = 0;
    pub const M0: usize = 1;
    pub const EF_CONSTRUCTION: usize = 2;
    pub const LEVELS: usize = 3;
}

/// The parameters of a header, checked.
pub struct Shape {
    pub m: usize,
    pub m0: usize,
    pub ef_construction: u32,
    /// How many nodes each level has, beginning with level 0.
    pub nodes: Vec<u64>,
}

impl Shape {
    pub fn read(header: &Header) -> Result<Self, Malformed> {
        let [m, m0, levels] =
            [param::M, param::M0, param::LEVELS].map(|index| header.param[index] as usize);
        demand((2..=128).contains(&m), "its M is out of range")?;
        demand((2..=WIDTH_MAX).contains(&m0), "its M0 is out of range")?;
        demand(
            (1..=LEVELS_MAX).contains(&levels),
            "its number of levels is out of range",
        )?;
        header.demand_params(param::LEVELS + levels)?;
        let mut nodes = vec![header.rows];
        nodes.extend(
            header.param[param::LEVELS + 1..][..levels - 1]
                .iter()
                .map(|n| u64::from(*n)),
        );
        demand(
            nodes.is_sorted_by(|below, above| below >= above) && !nodes.contains(&0),
            "its levels do not get smaller",
        )?;
        Ok(Shape {
            m,
            m0,
            ef_construction: header.param[param::EF_CONSTRUCTION],
            nodes,
        })
    }

    pub fn write(&self, header: &mut Header) {
        header.param[param::M] = self.m as u32;
        header.param[param::M0] = self.m0 as u32;
        header.param[param::EF_CONSTRUCTION] = self.ef_construction;
        header.param[param::LEVELS] = self.nodes.len() as u32;
        for (param, nodes) in header.param[param::LEVELS + 1..]
            .iter_mut()
            .zip(&self.nodes[1..])
        {
            *param = *nodes as u32;
        }
    }
}

/// Returns the sizes of the sections, which follow from the header.
pub fn section_sizes(header: &Header) -> Result<Vec<u64>, Malformed> {
    let shape = Shape::read(header)?;
    let dim = header.dim as usize;
    // None of these overflows: each is below 2^32 * 2^13.
    let upper: u64 = shape.nodes[1..].iter().sum();
    let coded = |bytes: u64| if header.exact == 0 { bytes } else { 0 };
    Ok(vec![
        coded(4 * Quantizer::section_len(dim) as u64),
        4 * header.rows,
        coded(header.rows * code::stride(dim) as u64),
        4 * header.rows * shape.m0 as u64,
        4 * upper * shape.m as u64,
    ])
}

#[derive(Debug)]
pub struct Index {
    sections: Sections,
    /// Nothing if rows are compared themselves.
    quantizer: Option<Quantizer>,
    m: usize,
    m0: usize,
    /// How many nodes each level from 1 on has.
    upper: Vec<usize>,
}

impl Index {
    /// Checks what the sections hold, and makes an index of them.
    pub fn parse(sections: Sections) -> Result<Self, Malformed> {
        let header = sections.header();
        let Shape { m, m0, nodes, .. } = Shape::read(header)?;
        let dim = header.dim as usize;
        let quantizer = match header.exact {
            0 => Some(Quantizer::read(sections.get(section::QUANT), dim)?),
            _ => None,
        };
        let upper: Vec<usize> = nodes[1..].iter().map(|nodes| *nodes as usize).collect();

        check_permutation(sections.get(section::ROWS))?;
        if quantizer.is_some() {
            code::check(sections.get(section::CODES), dim)?;
        }
        check_links(sections.get(section::LINKS), m0, header.rows as usize)?;
        let mut lists: &[u32] = sections.get(section::UPPER);
        for nodes in &upper {
            let (level, above) = lists.split_at(nodes * m);
            check_links(level, m, *nodes)?;
            lists = above;
        }
        Ok(Index {
            quantizer,
            m,
            m0,
            upper,
            sections,
        })
    }

    /// Returns how many nodes each level has, beginning with level 0.
    pub fn on_level(&self) -> Vec<usize> {
        let all = self.sections.header().rows as usize;
        std::iter::once(all)
            .chain(self.upper.iter().copied())
            .collect()
    }

    /// Returns the quantizer, if nodes have codes.
    pub fn quantizer(&self) -> Option<&Quantizer> {
        self.quantizer.as_ref()
    }

    pub fn sections(&self) -> &Sections {
        &self.sections
    }

    pub fn into_sections(self) -> Sections {
        self.sections
    }

    /// Returns how many nodes no walk reaches from every other one.
    pub fn cut_off(&self) -> usize {
        reach::cut_off(self.ground(), self.sections.header().rows as usize)
    }

    /// Returns the node of a covered row.
    fn node_of(&self, row: u32) -> u32 {
        let rows: &[u32] = self.sections.get(section::ROWS);
        let node = rows.iter().position(|of| *of == row);
        node.expect("a covered row") as u32
    }

    /// Gives the candidates to `rerank`, and returns the result of `rerank`. A row that is `hidden` is none of them,
    /// and its links lead nowhere.
    pub fn search<R>(
        &self,
        rows: RowSet,
        hidden: Option<u32>,
        query: &[f32],
        k: usize,
        effort: usize,
        rerank: impl FnOnce(&[u32]) -> R,
    ) -> R {
        let header = self.sections.header();
        let metric = header.metric();
        let row_of: &[u32] = self.sections.get(section::ROWS);
        let Some(quantizer) = &self.quantizer else {
            let space = Space::Rows {
                rows: Rows::of(rows, metric),
                row_of,
            };
            let padded = Matrix::from_row(query);
            let query = distance::Query::new(metric, padded.padded());
            return self.walk(space, Query::Row(query), hidden, k.max(effort), rerank);
        };
        let codes = Codes::new(
            self.sections.get(section::CODES),
            code::stride(header.dim as usize),
        );
        let query = code::Query::new(metric, &quantizer.encode_query(metric, query));
        let (space, query) = (Space::Codes(codes), Query::Codes(&query));
        self.walk(space, query, hidden, k.max(effort), rerank)
    }

    fn walk<R>(
        &self,
        space: Space,
        query: Query,
        hidden: Option<u32>,
        ef: usize,
        rerank: impl FnOnce(&[u32]) -> R,
    ) -> R {
        let walk = Walk {
            backend: Backend::best(),
            space,
            query,
            hidden: hidden.map_or(NONE, |row| self.node_of(row)),
        };
        let mut current = walk.key(0);
        for level in self.levels().collect::<Vec<_>>().into_iter().rev() {
            current = beam::descend(walk, level, current);
        }
        let ef = ef.min(space.len());
        SCRATCH.with_borrow_mut(|Scratch { beam, candidates }| {
            let rows: &[u32] = self.sections.get(section::ROWS);
            candidates.clear();
            candidates.extend(
                beam.search(walk, self.ground(), current, ef)
                    .map(|key| rows[key as u32 as usize]),
            );
            rerank(candidates)
        })
    }

    pub fn ground(&self) -> Level<'_> {
        Level::new(self.sections.get(section::LINKS), self.m0)
    }

    /// Returns the levels from 1 on.
    pub fn levels(&self) -> impl Iterator<Item = Level<'_>> {
        let mut lists: &[u32] = self.sections.get(section::UPPER);
        self.upper.iter().map(move |nodes| {
            let (level, above) = lists.split_at(nodes * self.m);
            lists = above;
            Level::new(level, self.m)
        })
    }
}

#[derive(Default)]
struct Scratch {
    beam: Beam,
    candidates: Vec<u32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

fn check_links(links: &[u32], width: usize, nodes: usize) -> Result<(), Malformed> {
    for places in links.chunks_exact(width) {
        let taken = places
            .iter()
            .position(|place| *place == NONE)
            .unwrap_or(width);
        let (neighbours, rest) = places.split_at(taken);
        demand(
            neighbours.iter().all(|node| (*node as usize) < nodes),
            "a neighbour is not on its level",
        )?;
        demand(
            rest.iter().all(|place| *place == NONE),
            "a neighbour comes after the last one",
        )?;
    }
    Ok(())
}
