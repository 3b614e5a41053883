// SPDX-License-Identifier: MIT OR Apache-2.0
//! The search ABI of `kernel/uapi/vexfs.h` in Rust. `tests/search/abi.rs` compares the two.

use bytemuck::{Pod, Zeroable};

pub use crate::anns::Hit;

pub const IOC_MAGIC: u8 = 0xF7;

pub const DIM_MAX: u32 = 65536;
pub const DIM_INLINE: u32 = 4000;
pub const K_MAX: u32 = 2000;
pub const ROWS_MAX: u32 = u32::MAX;
/// Stands for a row in the answer to a batch where there is none.
pub const ROW_NONE: u32 = ROWS_MAX;
pub const INDEX_MAX: usize = 8;
pub const EFFORT_MAX: u32 = 65536;
pub const FILTER_WORDS_MAX: u32 = ROWS_MAX / 64 + 1;

pub const KIND_FLAT: u32 = 0;
pub const KIND_HNSW: u32 = 1;
pub const KIND_IVF: u32 = 2;
pub const KIND_PQ: u32 = 3;
pub const KIND_LSH: u32 = 4;

pub const METRIC_L2: u32 = 0;
pub const METRIC_IP: u32 = 1;
pub const METRIC_COSINE: u32 = 2;

/// A flag of a search: its query was sent before.
pub const SEARCH_SENT: u32 = 1;
/// A flag of a search: it is for the rows of a filter that was sent before.
pub const SEARCH_FILTERED: u32 = 2;

/// The header of a search. The query follows it on the way in, `count` hits follow it on the way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Search {
    pub kind: u32,
    pub metric: u32,
    pub dim: u32,
    pub k: u32,
    pub effort: u32,
    pub flags: u32,
    pub count: u32,
    pub filter: u32,
    pub rows: u64,
    pub generation: u64,
    pub evaluated: u64,
    pub query: u64,
}

/// The header of a batch. The queries follow it on the way in, `search.k` hits for each on the way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Batch {
    pub search: Search,
    pub queries: u32,
    pub reserved: u32,
}

/// The header of a part of a query. Its elements follow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct QueryPart {
    pub query: u64,
    pub dim: u32,
    pub start: u32,
    pub count: u32,
    pub flags: u32,
    pub reserved: u64,
}

/// The header of a part of a filter. Its words follow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FilterPart {
    pub filter: u32,
    pub words: u32,
    pub start: u32,
    pub count: u32,
    pub flags: u32,
    pub reserved: [u32; 3],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct IndexInfo {
    pub kind: u32,
    pub metric: u32,
    pub rows: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Info {
    pub flags: u32,
    pub dim: u32,
    pub rows: u64,
    pub generation: u64,
    pub indexes: u32,
    pub reserved0: u32,
    pub reserved1: [u64; 4],
    pub index: [IndexInfo; INDEX_MAX],
}

/// The number that the command of a search carries.
pub const IOC_SEARCH_NR: u8 = 2;
/// The number that the command of a part of a query carries.
pub const IOC_QUERY_NR: u8 = 3;
/// The number that the command of a part of a filter carries.
pub const IOC_FILTER_NR: u8 = 4;
/// The number that the command of a batch carries.
pub const IOC_BATCH_NR: u8 = 5;
const IOC_INFO_NR: u8 = 1;

/// The command that asks for a file's `Info`.
pub const IOC_INFO: u32 = ioc(IOC_INFO_NR, size_of::<Info>());

/// The number of bytes of a search's header and payload, of which the query takes `dim` elements: none if it was sent.
pub fn search_bytes(dim: usize, k: usize) -> usize {
    size_of::<Search>() + (dim * size_of::<f32>()).max(k * size_of::<Hit>())
}

/// The number of bytes of a batch's header and payload.
pub fn batch_bytes(queries: usize, dim: usize, k: usize) -> usize {
    size_of::<Batch>() + queries * (dim * size_of::<f32>()).max(k * size_of::<Hit>())
}

/// The number of bytes of a part's header and of its elements.
pub fn part_bytes(count: usize) -> usize {
    size_of::<QueryPart>() + count * size_of::<f32>()
}

/// The number of bytes of the header and the words of a part of a filter.
pub fn filter_part_bytes(count: usize) -> usize {
    size_of::<FilterPart>() + count * size_of::<u64>()
}

/// The command of a part of a filter whose header and words take `bytes` bytes, below 16,384.
pub const fn ioc_filter(bytes: usize) -> u32 {
    assert!(bytes < 1 << 14, "the size of a command is 14 bits wide");
    nix::request_code_write!(IOC_MAGIC, IOC_FILTER_NR, bytes) as u32
}

/// The command of a part of a query whose header and elements take `bytes` bytes, below 16,384.
pub const fn ioc_query(bytes: usize) -> u32 {
    assert!(bytes < 1 << 14, "the size of a command is 14 bits wide");
    nix::request_code_write!(IOC_MAGIC, IOC_QUERY_NR, bytes) as u32
}

/// The command of a search whose header and payload take `bytes` bytes, below 16,384.
pub const fn ioc_search(bytes: usize) -> u32 {
    ioc(IOC_SEARCH_NR, bytes)
}

/// The command of a batch whose header and payload take `bytes` bytes, below 16,384.
pub const fn ioc_batch(bytes: usize) -> u32 {
    ioc(IOC_BATCH_NR, bytes)
}

/// A command that is passed data and gives data back.
const fn ioc(number: u8, bytes: usize) -> u32 {
    assert!(bytes < 1 << 14, "the size of a command is 14 bits wide");
    nix::request_code_readwrite!(IOC_MAGIC, number, bytes) as u32
}

/// A command of the search ABI, decoded from its command word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Info,
    /// A search whose header and payload have this many bytes.
    Search(usize),
    /// A batch whose header and payload have this many bytes.
    Batch(usize),
    /// A part of a query whose header and elements have this many bytes.
    Query(usize),
    /// A part of a filter whose header and words have this many bytes.
    Filter(usize),
}

impl Command {
    pub fn from_word(word: u32) -> Option<Self> {
        let bytes = (word >> 16 & 0x3fff) as usize;
        match word {
            IOC_INFO => Some(Command::Info),
            _ if word == ioc_search(bytes) => Some(Command::Search(bytes)),
            _ if word == ioc_batch(bytes) => Some(Command::Batch(bytes)),
            _ if word == ioc_query(bytes) => Some(Command::Query(bytes)),
            _ if word == ioc_filter(bytes) => Some(Command::Filter(bytes)),
            _ => None,
        }
    }

    /// The number of bytes that the caller passes, and gets back except for a part.
    pub fn bytes(self) -> usize {
        match self {
            Command::Info => size_of::<Info>(),
            Command::Search(bytes)
            | Command::Batch(bytes)
            | Command::Query(bytes)
            | Command::Filter(bytes) => bytes,
        }
    }
}
