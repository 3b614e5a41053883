// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a search found.

use crate::store::abi::Hit;

/// The answer to one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The hits, nearest first.
    pub hits: Vec<Hit>,
    /// The number of rows in the snapshot that answered.
    pub rows: u64,
    pub generation: u64,
    /// The number of distances that were computed in full.
    pub evaluated: u64,
}
