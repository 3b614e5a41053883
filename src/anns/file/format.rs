// SPDX-License-Identifier: MIT OR Apache-2.0
//! What index files of all kinds have: header, sections, checksums (`docs/index-format.md`).

use std::mem::offset_of;
use std::ops::Range;

use bytemuck::{AnyBitPattern, NoUninit, Pod, Zeroable};

use super::blocks;
use super::bytes::{Bytes, OutOfMemory};
use super::kind::Kind;
use crate::anns::Metric;
use crate::dataset::{DIM_MAX, Matrix, RowSet};

pub const MAGIC: [u8; 8] = *b"VEXFSIDX";
/// Version 1 lacks what version 2 says about distances and recall: it has zeros there. Version 3 adds fingerprints of
/// blocks of rows.
pub const VERSION: u32 = 3;
pub const PARAMS: usize = 16;
pub const SECTIONS: usize = 8;
/// The offset of each section is a multiple of this.
pub const ALIGN: u64 = 64;
/// Stands for no neighbour in the lists of a graph.
pub const NONE: u32 = u32::MAX;

/// The most rows that an index covers.
pub const ROWS_MAX: u64 = u32::MAX as u64 - 1;
pub const EFFORT_MAX: u32 = 65_536;
/// A recall of 1 in the header.
pub const RECALL_WHOLE: u32 = 1_000_000;

/// The most elements of a vector that has codes. All code distances of such vectors are below 2^31 - 1, or lie as near
/// to each other.
pub const CODED_DIM_MAX: usize = 32_768;

const HEADER: u64 = size_of::<Header>() as u64;

/// `struct vexfs_index_section`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Section {
    pub offset: u64,
    pub bytes: u64,
}

/// `struct vexfs_index_header`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Header {
    pub magic: [u8; 8],
    pub version: u32,
    pub kind: u32,
    pub metric: u32,
    pub dim: u32,
    /// How many rows are covered, from row 0 on.
    pub rows: u64,
    /// The size of the file.
    pub bytes: u64,
    pub seed: u64,
    pub rows_crc: u32,
    pub body_crc: u32,
    /// The effort of a search that asks for effort 0.
    pub effort: u32,
    pub sections: u32,
    pub param: [u32; PARAMS],
    pub section: [Section; SECTIONS],
    /// 1 if a search looks for candidates by exact distances, and the file has no codes; otherwise 0.
    pub exact: u32,
    /// The recall@10 that the builder measured, in millionths.
    pub recall: u32,
    /// How many rows it searched for that; 0 if it did not measure.
    pub measured: u32,
    pub reserved: [u32; 12],
    pub header_crc: u32,
}

/// An index file breaks the format; the string says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the index is malformed: {0}")]
pub struct Malformed(pub &'static str);

/// A kind's function for a header whose other fields are right: it checks the parameters, and returns the sizes of the
/// sections that follow from them.
pub type SectionSizes = fn(&Header) -> Result<Vec<u64>, Malformed>;

/// Returns `Ok` if what is demanded is so, and otherwise an error that says `otherwise`.
pub(crate) fn demand(so: bool, otherwise: &'static str) -> Result<(), Malformed> {
    if so {
        Ok(())
    } else {
        Err(Malformed(otherwise))
    }
}

impl Header {
    /// Begins a header for all `rows`; `lay_out` and `seal` fill in the rest.
    pub fn new(kind: Kind, metric: Metric, rows: &Matrix, seed: u64) -> Self {
        Header {
            magic: MAGIC,
            version: VERSION,
            kind: kind.code(),
            metric: metric.code(),
            dim: rows.dim() as u32,
            rows: rows.rows() as u64,
            seed,
            ..Header::zeroed()
        }
    }

    /// Begins the header of the same index for `rows`, of which some are others or new. Nothing is known of its recall.
    pub fn anew(&self, rows: &Matrix) -> Self {
        Header {
            version: VERSION,
            rows: rows.rows() as u64,
            recall: 0,
            measured: 0,
            ..*self
        }
    }

    /// Checks the header at the start of a file of `bytes` bytes, including all that it says about the file. Its kind
    /// must be `kind`, and `sizes` is the function of that kind.
    pub fn parse(
        start: &[u8],
        bytes: u64,
        kind: Kind,
        sizes: SectionSizes,
    ) -> Result<Self, Malformed> {
        let start = start
            .get(..size_of::<Header>())
            .ok_or(Malformed("it ends within its header"))?;
        let header: Header = bytemuck::pod_read_unaligned(start);
        demand(header.magic == MAGIC, "it does not begin as an index does")?;
        demand(
            (1..=VERSION).contains(&header.version),
            "its version is unknown",
        )?;
        demand(
            header.header_crc == crc32c::crc32c(&start[..offset_of!(Header, header_crc)]),
            "the checksum of its header is wrong",
        )?;
        demand(
            header.kind == kind.code(),
            "it is of another kind than its name says",
        )?;
        demand(
            Metric::from_code(header.metric).is_some(),
            "its metric is unknown",
        )?;
        demand(
            (1..=DIM_MAX as u32).contains(&header.dim),
            "its dimension is out of range",
        )?;
        demand(
            (1..=ROWS_MAX).contains(&header.rows),
            "its number of rows is out of range",
        )?;
        demand(
            header.bytes == bytes,
            "its size is not the one it should have",
        )?;
        demand(
            (1..=EFFORT_MAX).contains(&header.effort),
            "its effort is out of range",
        )?;
        let said = [header.exact, header.recall, header.measured];
        demand(
            header.version > 1 || said == [0; 3],
            "what is reserved in its version is not 0",
        )?;
        demand(header.exact <= 1, "it has neither codes nor none")?;
        demand(
            header.exact == 1 || !kind.has_codes() || header.dim as usize <= CODED_DIM_MAX,
            "its codes have too many elements",
        )?;
        demand(
            header.recall <= RECALL_WHOLE && (header.measured > 0 || header.recall == 0),
            "its recall is out of range",
        )?;
        demand(
            header.reserved == Header::zeroed().reserved,
            "what is reserved is not 0",
        )?;

        let sizes = header.sizes(sizes)?;
        let mut laid_out = header;
        laid_out
            .lay_out(&sizes)
            .ok_or(Malformed("it would be larger than any file"))?;
        demand(
            laid_out.sections == header.sections
                && laid_out.section == header.section
                && laid_out.bytes == header.bytes,
            "its sections are not where they should be",
        )?;
        Ok(header)
    }

    /// Demands that the index has codes, as all of its kind have.
    pub(crate) fn demand_codes(&self) -> Result<(), Malformed> {
        demand(self.exact == 0, "its kind cannot do without codes")
    }

    /// Demands that the parameters after the first `named` are 0.
    pub(crate) fn demand_params(&self, named: usize) -> Result<(), Malformed> {
        demand(
            self.param[named..].iter().all(|param| *param == 0),
            "a parameter that its kind does not have is not 0",
        )
    }

    /// Whether the last section holds the fingerprints of all blocks of covered rows.
    pub fn has_blocks(&self) -> bool {
        self.version >= 3
    }

    /// Returns what `rows_crc` is for the first of these rows, of which there must be as many as are covered.
    pub fn fingerprint<'a>(&self, rows: impl Into<RowSet<'a>>) -> u32 {
        let (rows, covered) = (rows.into(), self.rows as usize);
        match self.has_blocks() {
            true => crc32c::crc32c(bytemuck::cast_slice(&blocks::fingerprints(rows, covered))),
            false => rows_crc(rows, covered),
        }
    }

    /// The sizes of all sections of a header whose version is right.
    fn sizes(&self, of_kind: SectionSizes) -> Result<Vec<u64>, Malformed> {
        let mut sizes = of_kind(self)?;
        if self.has_blocks() {
            sizes.push(blocks::count(self.rows) * size_of::<u32>() as u64);
        }
        Ok(sizes)
    }

    pub fn kind(&self) -> Option<Kind> {
        Kind::from_code(self.kind)
    }

    /// Returns the metric. Panics on a header that was not checked.
    pub fn metric(&self) -> Metric {
        Metric::from_code(self.metric).expect("a known metric")
    }

    /// Puts the header at the start of a file, with its checksum.
    pub fn write(mut self, file: &mut Bytes) {
        let covered = &bytemuck::bytes_of(&self)[..offset_of!(Header, header_crc)];
        self.header_crc = crc32c::crc32c(covered);
        file[..size_of::<Header>()].copy_from_slice(bytemuck::bytes_of(&self));
    }

    /// Places sections of these sizes one after the other. Returns `None` if they would end beyond 2^64.
    fn lay_out(&mut self, sizes: &[u64]) -> Option<()> {
        self.sections = sizes.len() as u32;
        self.section = Header::zeroed().section;
        self.bytes = HEADER;
        for (section, bytes) in self.section.iter_mut().zip(sizes) {
            let offset = self.bytes.checked_next_multiple_of(ALIGN)?;
            *section = Section {
                offset,
                bytes: *bytes,
            };
            self.bytes = offset.checked_add(*bytes)?;
        }
        Some(())
    }
}

/// Writes an index file in memory.
pub struct Writer {
    header: Header,
    bytes: Bytes,
}

impl Writer {
    /// Begins a file of zeros, with the sections that follow from the header's parameters.
    pub fn new(mut header: Header, sizes: SectionSizes) -> Result<Self, OutOfMemory> {
        let sizes = header.sizes(sizes).expect("a builder keeps to the format");
        let too_large = OutOfMemory(usize::MAX);
        header.lay_out(&sizes).ok_or(too_large)?;
        let len = usize::try_from(header.bytes).map_err(|_| too_large)?;
        Ok(Writer {
            header,
            bytes: Bytes::zeroed(len)?,
        })
    }

    /// Returns section `index`, to be filled.
    pub fn section<T: NoUninit + AnyBitPattern>(&mut self, index: usize) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.bytes[range(&self.header, index)])
    }

    /// Returns the first `N` sections at once, to be filled.
    pub fn sections<const N: usize>(&mut self) -> [&mut [u8]; N] {
        self.bytes
            .get_disjoint_mut(std::array::from_fn(|index| range(&self.header, index)))
            .expect("sections do not overlap")
    }

    /// Computes the checksums and returns the file. `rows` are the rows that are covered.
    pub fn seal(mut self, rows: &Matrix) -> Bytes {
        if self.header.has_blocks() {
            let known = blocks::fingerprints(rows.into(), rows.rows());
            self.section(self.header.sections as usize - 1)
                .copy_from_slice(&known);
        }
        self.header.rows_crc = self.header.fingerprint(rows);
        self.header.body_crc = crc32c::crc32c(&self.bytes[size_of::<Header>()..]);
        self.header.write(&mut self.bytes);
        self.bytes
    }
}

/// An index file whose header and checksums are right. What its sections hold is not checked yet.
#[derive(Debug)]
pub struct Sections {
    header: Header,
    bytes: Bytes,
}

impl Sections {
    pub fn parse(bytes: Bytes, kind: Kind, sizes: SectionSizes) -> Result<Self, Malformed> {
        let header = Header::parse(&bytes, bytes.len() as u64, kind, sizes)?;
        demand(
            header.body_crc == crc32c::crc32c(&bytes[size_of::<Header>()..]),
            "the checksum of its body is wrong",
        )?;
        let sections = Sections { header, bytes };
        if header.has_blocks() {
            let known: &[u32] = sections.get(header.sections as usize - 1);
            demand(
                header.rows_crc == crc32c::crc32c(bytemuck::cast_slice(known)),
                "the checksum of its rows is not that of its blocks",
            )?;
        }
        Ok(sections)
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns what section `index` holds.
    #[inline]
    pub fn get<T: AnyBitPattern + NoUninit>(&self, index: usize) -> &[T] {
        bytemuck::cast_slice(&self.bytes[range(&self.header, index)])
    }

    /// Returns the whole file.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

#[inline]
fn range(header: &Header, index: usize) -> Range<usize> {
    let Section { offset, bytes } = header.section[index];
    offset as usize..(offset + bytes) as usize
}

/// Returns the fingerprint of the first `count` rows, as a whole.
fn rows_crc(rows: RowSet, count: usize) -> u32 {
    (0..count).fold(0, |crc, row| {
        crc32c::crc32c_append(crc, bytemuck::cast_slice(rows.row(row)))
    })
}

/// Checks that each of the rows belongs to exactly one node.
pub(crate) fn check_permutation(rows: &[u32]) -> Result<(), Malformed> {
    let mut seen = vec![0u64; rows.len().div_ceil(64)];
    for row in rows {
        let word = seen
            .get_mut(*row as usize / 64)
            .filter(|_| (*row as usize) < rows.len())
            .ok_or(Malformed("a node's row is not covered"))?;
        let bit = 1 << (row % 64);
        demand(*word & bit == 0, "two nodes have the same row")?;
        *word |= bit;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_3720() {
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        let mut rows = Matrix::from_row(&[0.0; 3]);
        rows.push(&[0.0; 3]);
        assert_eq!(rows_crc((&rows).into(), 2), crc32c::crc32c(&[0; 24]));
        assert_eq!(rows_crc((&rows).into(), 1), crc32c::crc32c(&[0; 12]));
    }
}
