// SPDX-License-Identifier: MIT OR Apache-2.0
//! What host and guest both do: file operations, builds of indexes, series of searches.

pub mod building;
pub mod calls;
pub mod files;
pub mod series;
