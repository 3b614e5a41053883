// SPDX-License-Identifier: MIT OR Apache-2.0
//! HNSW, hierarchical navigable small worlds: a graph of several levels (Malkov & Yashunin 2018; `docs/search.md`).

mod beam;
mod build;
mod graph;
mod reach;
mod search;
mod space;

pub use build::{Parameters, build};
pub use search::{Index, section_sizes};

/// The most levels of a graph.
const LEVELS_MAX: usize = 13;

/// Numbers of this kind's sections in a file.
mod section {
    pub const QUANT: usize = 0;
    pub const ROWS: usize = 1;
    pub const CODES: usize = 2;
    pub const LINKS: usize = 3;
    pub const UPPER: usize = 4;
}
