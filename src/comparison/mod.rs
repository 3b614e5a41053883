// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our kinds, in process and through FUSE, beside other people's engines: the same bytes, one core, one interleaved run
//! (`docs/comparison.md`).

mod record;

pub use record::{
    BuildRecord, Compared, Comparison, Engine, FILE, Host, OURS, Place, Samples, Series,
};
