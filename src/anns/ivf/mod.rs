// SPDX-License-Identifier: MIT OR Apache-2.0
//! Inverted file (Jégou, Douze & Schmid 2011). Rows are in lists around centroids, and a search looks at the lists that
//! are nearest to the query.
//!
//! Lists hold codes of a byte an element. The nearest rows by code distance are compared exactly.

mod build;
mod update;

use std::ops::RangeInclusive;

pub use build::build;

use super::Metric;
use super::code::{self, Codes, Quantizer};
use super::distance::{Backend, LANES, Query, Rows};
use super::topk::TopK;
use crate::anns::building::{BuildError, require};
use crate::anns::file::{EFFORT_MAX, Header, Malformed, Sections, check_permutation, demand};
use crate::dataset::Matrix;

pub const NLIST: RangeInclusive<u32> = 1..=65_536;
pub const RERANK: RangeInclusive<u32> = 1..=65_536;

/// How an IVF index is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The number of lists, 1 to 65,536 and at most one for each row. Without it, there are twice as many as the square
    /// root of the number of rows.
    pub nlist: Option<u32>,
    /// How many lists a search without an effort of its own looks at.
    pub nprobe: u32,
    /// How many rows of a search's lists are compared exactly: this many, or twice as many as the search asks for if
    /// that is more.
    pub rerank: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            nlist: None,
            nprobe: 8,
            rerank: 32,
        }
    }
}

impl Parameters {
    fn check(&self) -> Result<(), BuildError> {
        require(
            self.nlist.is_none_or(|nlist| NLIST.contains(&nlist)),
            "nlist must be 1 to 65536",
        )?;
        require(
            (1..=EFFORT_MAX).contains(&self.nprobe),
            "nprobe must be 1 to 65536",
        )?;
        require(RERANK.contains(&self.rerank), "rerank must be 1 to 65536")
    }

    /// Returns the number of lists for this many rows.
    pub fn nlist(&self, rows: usize) -> u32 {
        self.nlist
            .unwrap_or(2 * rows.isqrt() as u32)
            .clamp(*NLIST.start(), *NLIST.end())
            .min(rows as u32)
    }
}

/// Returns the metric by which the nearest lists are found.
fn nearness(metric: Metric) -> Metric {
    match metric {
        Metric::L2 => Metric::L2,
        Metric::InnerProduct | Metric::Cosine => Metric::InnerProduct,
    }
}

/// Positions of this kind's parameters in a header.
mod param {
    pub const NLIST: usize = 0;
    pub const RERANK: usize = 1;
    pub const COUNT: usize = 2;
}

/// Numbers of this kind's sections in a file.
mod section {
    pub const CENTROIDS: usize = 0;
    pub const QUANT: usize = 1;
    pub const STARTS: usize = 2;
    pub const ROWS: usize = 3;
    pub const CODES: usize = 4;
}

/// Returns the sizes of the sections, which follow from the header.
pub fn section_sizes(header: &Header) -> Result<Vec<u64>, Malformed> {
    let [nlist, rerank] = [param::NLIST, param::RERANK].map(|index| header.param[index]);
    demand(
        NLIST.contains(&nlist) && u64::from(nlist) <= header.rows,
        "its nlist is out of range",
    )?;
    demand(RERANK.contains(&rerank), "its rerank is out of range")?;
    header.demand_params(param::COUNT)?;
    let dim = header.dim as usize;
    // None of these overflows: there are fewer than 2^32 rows.
    let coded = |bytes: u64| if header.exact == 0 { bytes } else { 0 };
    Ok(vec![
        4 * u64::from(nlist) * dim.next_multiple_of(LANES) as u64,
        coded(4 * Quantizer::section_len(dim) as u64),
        4 * (u64::from(nlist) + 1),
        4 * header.rows,
        coded(header.rows * code::stride(dim) as u64),
    ])
}

/// An index that was read from a file and checked.
#[derive(Debug)]
pub struct Index {
    sections: Sections,
    /// Nothing if all rows of a list are compared exactly.
    quantizer: Option<Quantizer>,
}

impl Index {
    /// Checks what the sections hold, and makes an index of them.
    pub fn parse(sections: Sections) -> Result<Self, Malformed> {
        let header = sections.header();
        let dim = header.dim as usize;
        for centroid in sections
            .get::<f32>(section::CENTROIDS)
            .chunks_exact(dim.next_multiple_of(LANES))
        {
            demand(
                centroid.iter().all(|element| element.is_finite()),
                "a centroid is not finite",
            )?;
            demand(
                centroid[dim..].iter().all(|pad| pad.to_bits() == 0),
                "a centroid is not padded with zeros",
            )?;
        }
        let quantizer = match header.exact {
            0 => Some(Quantizer::read(sections.get(section::QUANT), dim)?),
            _ => None,
        };
        let starts: &[u32] = sections.get(section::STARTS);
        demand(
            starts.first() == Some(&0)
                && starts.last() == Some(&(header.rows as u32))
                && starts.is_sorted(),
            "its lists do not follow each other",
        )?;
        check_permutation(sections.get(section::ROWS))?;
        if quantizer.is_some() {
            code::check(sections.get(section::CODES), dim)?;
        }
        Ok(Index {
            quantizer,
            sections,
        })
    }

    pub fn sections(&self) -> &Sections {
        &self.sections
    }

    pub fn into_sections(self) -> Sections {
        self.sections
    }

    /// Gives the candidates to `rerank`, and returns the result of `rerank`.
    pub fn search<R>(
        &self,
        query: &[f32],
        k: usize,
        effort: usize,
        rerank: impl FnOnce(&[u32]) -> R,
    ) -> R {
        let header = self.sections.header();
        let metric = header.metric();
        let [nlist, wanted] =
            [param::NLIST, param::RERANK].map(|index| header.param[index] as usize);
        let backend = Backend::best();

        let mut lists = TopK::new(effort.min(nlist));
        let padded = Matrix::from_row(query);
        backend.scan(
            &Query::new(nearness(metric), padded.padded()),
            Rows::new(self.sections.get(section::CENTROIDS), &[]),
            0..nlist,
            &mut lists,
        );

        let starts: &[u32] = self.sections.get(section::STARTS);
        let row_of: &[u32] = self.sections.get(section::ROWS);
        let lists = lists.into_keys().into_iter().map(|key| {
            let list = key as u32 as usize;
            starts[list]..starts[list + 1]
        });
        let Some(quantizer) = &self.quantizer else {
            let candidates: Vec<u32> = lists
                .flat_map(|nodes| &row_of[nodes.start as usize..nodes.end as usize])
                .copied()
                .collect();
            return rerank(&candidates);
        };
        let query = code::Query::new(metric, &quantizer.encode_query(metric, query));
        let codes = Codes::new(
            self.sections.get(section::CODES),
            code::stride(header.dim as usize),
        );
        let mut nodes = TopK::new(wanted.max(2 * k).min(codes.len()));
        for list in lists {
            backend.code_scan(&query, codes, list, &mut nodes);
        }
        let candidates: Vec<u32> = nodes
            .into_keys()
            .into_iter()
            .map(|key| row_of[key as u32 as usize])
            .collect();
        rerank(&candidates)
    }
}
