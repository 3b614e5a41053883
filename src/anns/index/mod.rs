// SPDX-License-Identifier: MIT OR Apache-2.0
//! The index of a vector file, whatever its kind: how it is built, checked and searched.

mod build;
mod quality;
mod tune;

pub use build::{Parameters, build};
pub use quality::Quality;
pub use tune::{Wanted, tune};

pub use super::building::{BuildError, Progress, Unobserved};
pub use super::file::{
    ALIGN, Bytes, EFFORT_MAX, Header, Kind, MAGIC, Malformed, NONE, OutOfMemory, PARAMS,
    RECALL_WHOLE, ROWS_MAX, SECTIONS, Section, SectionSizes, Sections, VERSION, Writer, rows_crc,
};

use super::distance::{Backend, Query, Rows};
use super::topk::TopK;
use super::{Answer, flat, hnsw, ivf, lsh, pq};
use crate::dataset::{Matrix, RowSet};

/// An index that has passed every check of `docs/index-format.md`.
#[derive(Debug)]
pub enum Index {
    Hnsw(hnsw::Index),
    Ivf(ivf::Index),
    Pq(pq::Index),
    Lsh(lsh::Index),
}

/// Why an index does not fit its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    #[error("the index covers {covered} rows, but the file has only {rows}")]
    FewerRows { covered: u64, rows: u64 },
    #[error("the rows have changed since the index was built")]
    RowsChanged,
}

/// Returns the function that sizes the sections of a kind.
pub fn section_sizes(kind: Kind) -> SectionSizes {
    match kind {
        Kind::Hnsw => hnsw::section_sizes,
        Kind::Ivf => ivf::section_sizes,
        Kind::Pq => pq::section_sizes,
        Kind::Lsh => lsh::section_sizes,
    }
}

impl Index {
    /// Checks everything and makes an index of a file. `kind` is the one that the file's name says.
    pub fn parse(bytes: Bytes, kind: Kind) -> Result<Self, Malformed> {
        let sections = Sections::parse(bytes, kind, section_sizes(kind))?;
        Ok(match kind {
            Kind::Hnsw => Index::Hnsw(hnsw::Index::parse(sections)?),
            Kind::Ivf => Index::Ivf(ivf::Index::parse(sections)?),
            Kind::Pq => Index::Pq(pq::Index::parse(sections)?),
            Kind::Lsh => Index::Lsh(lsh::Index::parse(sections)?),
        })
    }

    fn sections(&self) -> &Sections {
        match self {
            Index::Hnsw(index) => index.sections(),
            Index::Ivf(index) => index.sections(),
            Index::Pq(index) => index.sections(),
            Index::Lsh(index) => index.sections(),
        }
    }

    pub fn header(&self) -> &Header {
        self.sections().header()
    }

    /// Returns the file that the index was parsed from.
    pub fn bytes(&self) -> &Bytes {
        self.sections().bytes()
    }

    pub fn into_bytes(self) -> Bytes {
        match self {
            Index::Hnsw(index) => index.into_sections(),
            Index::Ivf(index) => index.into_sections(),
            Index::Pq(index) => index.into_sections(),
            Index::Lsh(index) => index.into_sections(),
        }
        .into_bytes()
    }

    /// Returns how many rows no search finds from everywhere, whatever its effort. Only graphs can have such rows.
    pub fn cut_off(&self) -> usize {
        match self {
            Index::Hnsw(index) => index.cut_off(),
            Index::Ivf(_) | Index::Pq(_) | Index::Lsh(_) => 0,
        }
    }

    /// Checks that the rows that were indexed are the first ones of `rows`, which have the index's dimension.
    pub fn check_rows<'a>(&self, rows: impl Into<RowSet<'a>>) -> Result<(), Stale> {
        let rows = rows.into();
        let header = self.header();
        let (covered, count) = (header.rows, rows.rows() as u64);
        if covered > count {
            return Err(Stale::FewerRows {
                covered,
                rows: count,
            });
        }
        if rows_crc(rows, covered as usize) != header.rows_crc {
            return Err(Stale::RowsChanged);
        }
        Ok(())
    }

    /// Searches for a covered row as if it were not one: what others link to it, or it to others, helps nobody.
    pub(crate) fn search_for_row(&self, rows: &Matrix, row: u32, k: usize, effort: u32) -> Answer {
        let mut answer = self.find(
            rows.into(),
            rows.row(row as usize),
            Some(row),
            k + 1,
            effort,
        );
        answer.hits.retain(|hit| hit.row != row);
        answer.hits.truncate(k);
        answer
    }

    /// Finds the nearest of the rows that the kind looks at; `rows` have passed `check_rows`. Effort 0 stands for the
    /// index's own effort.
    ///
    /// Panics if the query or the rows are of another dimension, or if there are fewer rows than the index covers.
    pub fn search<'a>(
        &self,
        rows: impl Into<RowSet<'a>>,
        query: &[f32],
        k: usize,
        effort: u32,
    ) -> Answer {
        self.find(rows.into(), query, None, k, effort)
    }

    fn find(
        &self,
        rows: RowSet,
        query: &[f32],
        hidden: Option<u32>,
        k: usize,
        effort: u32,
    ) -> Answer {
        let header = self.header();
        let covered = header.rows as usize;
        assert_eq!(
            query.len(),
            header.dim as usize,
            "a query of another dimension"
        );
        assert_eq!(rows.dim(), header.dim as usize, "rows of another dimension");
        assert!(covered <= rows.rows(), "fewer rows than the index covers");
        let effort = match effort {
            0 => header.effort,
            effort => effort,
        };

        let metric = header.metric();
        let padded = Matrix::from_row(query);
        let exact = Query::new(metric, padded.padded());
        let mut nearest = TopK::new(k);
        let rerank = |candidates: &[u32]| {
            let rows = Rows::of(rows, metric);
            Backend::best().gather(&exact, rows, candidates, &mut nearest);
            candidates.len()
        };
        let reranked = match self {
            Index::Hnsw(index) => index.search(rows, hidden, query, k, effort as usize, rerank),
            Index::Ivf(index) => index.search(query, k, effort as usize, rerank),
            Index::Pq(index) => index.search(query, k, effort as usize, rerank),
            Index::Lsh(index) => index.search(query, effort as usize, rerank),
        };
        let tail = covered..rows.rows();
        let evaluated = (reranked + tail.len()) as u64;
        flat::scan(Backend::best(), &exact, rows, tail, &mut nearest);
        Answer {
            hits: nearest.into_hits(),
            evaluated,
        }
    }
}
