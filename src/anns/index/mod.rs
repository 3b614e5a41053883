// SPDX-License-Identifier: MIT OR Apache-2.0
//! The index of a vector file, whatever its kind: how it is built, checked and searched.

mod build;
mod quality;
mod search;
mod tune;

pub use build::{Parameters, build};
pub use quality::Quality;
pub use tune::{Wanted, tune};

pub use super::building::{BuildError, Progress, Unobserved};
pub use super::file::{
    ALIGN, Bytes, EFFORT_MAX, Header, Kind, MAGIC, Malformed, NONE, OutOfMemory, PARAMS,
    RECALL_WHOLE, ROWS_MAX, SECTIONS, Section, SectionSizes, Sections, VERSION, Writer, rows_crc,
};

use super::{hnsw, ivf, lsh, pq};
use crate::dataset::RowSet;

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
}
