// SPDX-License-Identifier: MIT OR Apache-2.0
//! HNSW: the search is that of `docs/search.md`, the file that of `docs/index-format.md`, and the builder is good and
//! deterministic.

mod build;
mod codes;
pub mod file;
mod format;
mod reference;
mod search;
mod vectors;
