// SPDX-License-Identifier: MIT OR Apache-2.0
//! The index of a vector file, whatever its kind: how it is built, checked and searched.

mod among;
mod build;
mod following;
mod quality;
mod search;
mod tune;
mod update;

pub use among::{Among, Asked};
pub use build::{Parameters, build};
pub use following::Stale;
pub use quality::Quality;
pub use tune::{Wanted, tune};
pub use update::{Behind, UpdateError, update};

pub use super::building::{BuildError, Progress, Unobserved};
pub use super::file::{
    ALIGN, Bytes, EFFORT_MAX, Header, Kind, MAGIC, Malformed, NONE, OutOfMemory, PARAMS,
    RECALL_WHOLE, ROWS_MAX, SECTIONS, Section, SectionSizes, Sections, VERSION, Writer,
};

use super::{hnsw, ivf, lsh, pq};

/// An index that has passed every check of `docs/index-format.md`.
#[derive(Debug)]
pub enum Index {
    Hnsw(hnsw::Index),
    Ivf(ivf::Index),
    Pq(pq::Index),
    Lsh(lsh::Index),
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
}
