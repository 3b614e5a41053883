// SPDX-License-Identifier: MIT OR Apache-2.0
//! Product quantization (Jégou, Douze & Schmid 2011). All rows are compared with the query by short codes, and the
//! nearest of them exactly.
//!
//! Codes have 4 bits, and their tables lie in registers (André, Kermarrec & Le Scouarnec 2015).

mod build;
pub mod scan;
mod smallest;
mod table;
mod update;

use std::cell::RefCell;
use std::ops::RangeInclusive;

pub use build::build;
pub use smallest::Smallest;
pub use table::{Codebook, Tables};

use super::{Metric, directions};
use crate::anns::building::{BuildError, require};
use crate::anns::file::{EFFORT_MAX, Header, Malformed, Sections, demand};
use crate::dataset::Matrix;
use scan::{Backend, GROUP, Pair};
use table::CENTROIDS;

/// The range of m, the number of sub-quantizers, which is also even.
pub const M: RangeInclusive<u32> = 2..=256;
/// The number of bits of a code.
const NBITS: u32 = 4;

/// How a PQ index is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The number of sub-quantizers, an even number from 2 to 256. Each has 4 bits of a row's code. Without it, there
    /// is one for each two elements.
    pub m: Option<u32>,
    /// How many candidates a search without an effort of its own compares exactly.
    pub rerank: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            m: None,
            rerank: 100,
        }
    }
}

impl Parameters {
    fn check(&self) -> Result<(), BuildError> {
        require(
            self.m.is_none_or(|m| M.contains(&m) && m.is_multiple_of(2)),
            "m must be an even number from 2 to 256",
        )?;
        require(
            (1..=EFFORT_MAX).contains(&self.rerank),
            "rerank must be 1 to 65536",
        )
    }

    /// Returns the number of sub-quantizers for vectors of `dim` elements.
    pub fn m(&self, dim: usize) -> u32 {
        self.m.unwrap_or_else(|| {
            let half = dim.div_ceil(2) as u32;
            half.next_multiple_of(2).clamp(*M.start(), *M.end())
        })
    }
}

/// Positions of this kind's parameters in a header.
mod param {
    pub const M: usize = 0;
    pub const NBITS: usize = 1;
    pub const SUB: usize = 2;
    pub const COUNT: usize = 3;
}

/// Numbers of this kind's sections in a file.
mod section {
    pub const CODEBOOK: usize = 0;
    pub const CODES: usize = 1;
}

/// Returns the sizes of the sections, which follow from the header.
pub fn section_sizes(header: &Header) -> Result<Vec<u64>, Malformed> {
    let [m, nbits, sub] = [param::M, param::NBITS, param::SUB].map(|index| header.param[index]);
    demand(
        M.contains(&m) && m.is_multiple_of(2),
        "its m is not an even number from 2 to 256",
    )?;
    demand(nbits == NBITS, "its nbits is not 4")?;
    demand(
        sub == header.dim.div_ceil(m),
        "its sub-vectors do not make up a vector",
    )?;
    header.demand_codes()?;
    header.demand_params(param::COUNT)?;
    // None of these overflows: there are fewer than 2^32 rows.
    let (m, sub) = (u64::from(m), u64::from(sub));
    let groups = header.rows.div_ceil(GROUP as u64);
    Ok(vec![
        4 * m * CENTROIDS as u64 * sub,
        groups * (m / 2) * GROUP as u64,
    ])
}

/// An index that was read from a file and checked.
#[derive(Debug)]
pub struct Index {
    sections: Sections,
    codebook: Codebook,
}

thread_local!(static SMALLEST: RefCell<Smallest> = RefCell::default());

impl Index {
    /// Checks what the sections hold, and makes an index of them.
    pub fn parse(sections: Sections) -> Result<Self, Malformed> {
        let centroids: &[f32] = sections.get(section::CODEBOOK);
        demand(
            centroids.iter().all(|element| element.is_finite()),
            "a centroid is not finite",
        )?;
        let sub = sections.header().param[param::SUB] as usize;
        Ok(Index {
            codebook: Codebook::new(centroids, sub),
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
        let tables = match header.metric() {
            Metric::L2 => self.codebook.tables(query, false),
            Metric::InnerProduct => self.codebook.tables(query, true),
            Metric::Cosine => {
                let direction = directions::of(&Matrix::from_row(query));
                self.codebook.tables(direction.row(0), true)
            }
        };
        let codes: &[Pair] = bytemuck::cast_slice(self.sections.get::<u8>(section::CODES));
        SMALLEST.with_borrow_mut(|smallest| {
            smallest.start(effort.max(k), tables.largest_sum);
            Backend::best().scan(codes, &tables.tables, header.rows as usize, smallest);
            rerank(&smallest.rows())
        })
    }
}
