// SPDX-License-Identifier: MIT OR Apache-2.0
//! Locality-sensitive hashing: candidates are the rows of the buckets that near rows are likely to be in.
//!
//! Hashes are p-stable projections (Datar et al. 2004), and each table is probed several times (Lv et al. 2007).

mod build;
mod candidates;
mod probes;
mod update;

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

pub use build::build;

use super::distance::{Backend, LANES, Query, Rows};
use super::{Metric, directions};
use crate::anns::building::{BuildError, require};
use crate::anns::file::{EFFORT_MAX, Header, Malformed, Sections, demand};
use crate::dataset::Matrix;
use candidates::Candidates;
use probes::{Hashed, Probes};

pub const TABLES: RangeInclusive<u32> = 1..=64;
pub const HASHES: RangeInclusive<u32> = 1..=probes::HASHES as u32;
pub const BITS: RangeInclusive<u32> = 1..=24;

/// How an LSH index is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// The number of hash tables, 1 to 64.
    pub tables: u32,
    /// The number of hashes of a table, 1 to 16. Rows share a bucket if all hashes agree.
    pub hashes: u32,
    /// A table has 2^bits buckets, with 1 to 24 bits. Without `bits`, there is about one bucket for each row.
    pub bits: Option<u32>,
    /// The width of a hash's intervals. The unit is the median distance of sampled rows from their 10th nearest row.
    pub width: f32,
    /// How often each table is probed by a search without an effort of its own.
    pub probes: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            tables: 16,
            hashes: 16,
            bits: None,
            width: 4.0,
            probes: 16,
        }
    }
}

impl Parameters {
    fn check(&self) -> Result<(), BuildError> {
        require(TABLES.contains(&self.tables), "tables must be 1 to 64")?;
        require(HASHES.contains(&self.hashes), "hashes must be 1 to 16")?;
        require(
            self.bits.is_none_or(|bits| BITS.contains(&bits)),
            "bits must be 1 to 24",
        )?;
        require(
            self.width.is_normal() && self.width > 0.0,
            "width must be a positive number",
        )?;
        require(
            (1..=EFFORT_MAX).contains(&self.probes),
            "probes must be 1 to 65536",
        )
    }

    /// Returns the number of bits in a bucket's number for this many rows.
    pub fn bits(&self, rows: usize) -> u32 {
        self.bits
            .unwrap_or_else(|| rows.max(1).ilog2().clamp(*BITS.start(), *BITS.end()))
    }
}

/// Positions of this kind's parameters in a header.
mod param {
    pub const TABLES: usize = 0;
    pub const HASHES: usize = 1;
    pub const BITS: usize = 2;
    pub const COUNT: usize = 3;
}

/// Numbers of this kind's sections in a file.
mod section {
    pub const PROJECTIONS: usize = 0;
    pub const BIAS: usize = 1;
    pub const STARTS: usize = 2;
    pub const BUCKETS: usize = 3;
}

/// The parameters of a header, checked.
#[derive(Clone, Copy, Debug)]
struct Shape {
    tables: usize,
    hashes: usize,
    bits: u32,
}

impl Shape {
    fn read(header: &Header) -> Result<Self, Malformed> {
        let [tables, hashes, bits] =
            [param::TABLES, param::HASHES, param::BITS].map(|index| header.param[index]);
        demand(
            TABLES.contains(&tables),
            "its number of tables is out of range",
        )?;
        demand(
            HASHES.contains(&hashes),
            "its number of hashes is out of range",
        )?;
        demand(BITS.contains(&bits), "its number of bits is out of range")?;
        header.demand_codes()?;
        header.demand_params(param::COUNT)?;
        Ok(Shape {
            tables: tables as usize,
            hashes: hashes as usize,
            bits,
        })
    }

    fn write(self, header: &mut Header) {
        header.param[param::TABLES] = self.tables as u32;
        header.param[param::HASHES] = self.hashes as u32;
        header.param[param::BITS] = self.bits;
    }

    /// Returns how many starts of buckets a table has, including the end of the last bucket.
    fn starts(self) -> usize {
        (1 << self.bits) + 1
    }
}

/// Returns the sizes of the sections, which follow from the header.
pub fn section_sizes(header: &Header) -> Result<Vec<u64>, Malformed> {
    let shape = Shape::read(header)?;
    let elements = (header.dim as usize).next_multiple_of(LANES);
    let projections = shape.tables * shape.hashes;
    // None of these overflows: there are fewer than 2^32 rows.
    Ok(vec![
        4 * (projections * elements) as u64,
        4 * projections as u64,
        4 * (shape.tables * shape.starts()) as u64,
        4 * shape.tables as u64 * header.rows,
    ])
}

/// An index that was read from a file and checked.
#[derive(Debug)]
pub struct Index {
    sections: Sections,
    shape: Shape,
}

/// The memory that searches use, kept from one to the next.
#[derive(Default)]
struct Scratch {
    projected: Vec<f32>,
    hashed: Vec<Hashed>,
    probes: Probes,
    /// The table and the start of each bucket that is probed.
    found: Vec<(usize, usize)>,
    /// The rows of each bucket that is probed and not empty, as a range of the section of buckets.
    rows: Vec<Range<usize>>,
    candidates: Candidates,
}

thread_local!(static SCRATCH: RefCell<Scratch> = RefCell::default());

impl Index {
    /// Checks what the sections hold, and makes an index of them.
    pub fn parse(sections: Sections) -> Result<Self, Malformed> {
        let header = sections.header();
        let shape = Shape::read(header)?;
        let (dim, rows) = (header.dim as usize, header.rows as u32);
        for projection in sections
            .get::<f32>(section::PROJECTIONS)
            .chunks_exact(dim.next_multiple_of(LANES))
        {
            demand(
                projection.iter().all(|element| element.is_finite()),
                "a projection is not finite",
            )?;
            demand(
                projection[dim..].iter().all(|pad| pad.to_bits() == 0),
                "a projection is not padded with zeros",
            )?;
        }
        let bias: &[f32] = sections.get(section::BIAS);
        demand(
            bias.iter().all(|bias| bias.is_finite()),
            "a bias is not finite",
        )?;
        for starts in sections
            .get::<u32>(section::STARTS)
            .chunks_exact(shape.starts())
        {
            demand(
                starts.first() == Some(&0) && starts.last() == Some(&rows) && starts.is_sorted(),
                "the buckets of a table do not follow each other",
            )?;
        }
        let buckets: &[u32] = sections.get(section::BUCKETS);
        demand(
            buckets.iter().all(|row| *row < rows),
            "a bucket holds a row that is not covered",
        )?;
        Ok(Index { sections, shape })
    }

    pub fn sections(&self) -> &Sections {
        &self.sections
    }

    pub fn into_sections(self) -> Sections {
        self.sections
    }

    /// Gives the candidates to `rerank`, and returns the result of `rerank`.
    pub fn search<R>(&self, query: &[f32], effort: usize, rerank: impl FnOnce(&[u32]) -> R) -> R {
        SCRATCH.with_borrow_mut(|scratch| rerank(self.candidates(query, effort, scratch)))
    }

    /// Returns the rows of all buckets that are probed, in ascending order.
    fn candidates<'a>(&self, query: &[f32], effort: usize, scratch: &'a mut Scratch) -> &'a [u32] {
        let covered = self.sections.header().rows as usize;
        let Shape { hashes, bits, .. } = self.shape;
        let mut query = Matrix::from_row(query);
        if self.sections.header().metric() != Metric::L2 {
            query = directions::of(&query);
        }
        hash(
            &query,
            self.sections.get(section::PROJECTIONS),
            self.sections.get(section::BIAS),
            &mut scratch.projected,
            &mut scratch.hashed,
        );
        let starts: &[u32] = self.sections.get(section::STARTS);
        let buckets: &[u32] = self.sections.get(section::BUCKETS);
        let of_table = self.shape.starts();

        // Starts and rows of buckets lie scattered in memory, so all are prefetched before the first is used.
        scratch.found.clear();
        for (table, hashed) in scratch.hashed.chunks_exact(hashes).enumerate() {
            let first = table * of_table;
            let found = &mut scratch.found;
            scratch.probes.of_table(hashed, bits, effort, |bucket| {
                let at = first + bucket as usize;
                prefetch(&starts[at]);
                found.push((table, at));
            });
        }
        scratch.rows.clear();
        for (table, at) in &scratch.found {
            let first = table * covered;
            let rows = first + starts[*at] as usize..first + starts[at + 1] as usize;
            if !rows.is_empty() {
                prefetch(&buckets[rows.start]);
                scratch.rows.push(rows);
            }
        }
        scratch.candidates.start(covered);
        for rows in &scratch.rows {
            scratch.candidates.add(&buckets[rows.clone()]);
        }
        scratch.candidates.rows()
    }
}

/// Computes all hashes of a vector, table by table.
fn hash(
    vector: &Matrix,
    projections: &[f32],
    bias: &[f32],
    projected: &mut Vec<f32>,
    hashed: &mut Vec<Hashed>,
) {
    projected.resize(bias.len(), 0.0);
    let query = Query::new(Metric::InnerProduct, vector.padded());
    Backend::best().dots(&query, Rows::new(projections, &[]), projected);
    hashed.clear();
    hashed.extend(
        projected
            .iter()
            .zip(bias)
            .map(|(v, bias)| Hashed::from_projected(v + bias)),
    );
}

/// Prefetches the memory of a value.
#[inline(always)]
fn prefetch(value: &u32) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::*;
        // SAFETY: nothing is read that a program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) };
    }
}
