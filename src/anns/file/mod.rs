// SPDX-License-Identifier: MIT OR Apache-2.0
//! What index files of all kinds have in common (`docs/index-format.md`).

pub mod blocks;
mod bytes;
mod format;
mod kind;

pub use blocks::BLOCK_ROWS;
pub use bytes::{Bytes, OutOfMemory};
pub use format::{
    ALIGN, CODED_DIM_MAX, EFFORT_MAX, Header, MAGIC, Malformed, NONE, PARAMS, RECALL_WHOLE,
    ROWS_MAX, SECTIONS, Section, SectionSizes, Sections, VERSION, Writer,
};
pub(crate) use format::{check_permutation, demand};
pub use kind::Kind;
