// SPDX-License-Identifier: MIT OR Apache-2.0
//! What host and guest both do: file operations, builds of indexes, series of searches, hostile requests and files.

pub mod building;
pub mod calls;
pub mod cut_files;
pub mod files;
pub mod hostile;
pub mod series;

/// Hears what is being done, how much of it is done, and of how much. Whoever takes long calls it every now and then.
pub type Tell<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);
