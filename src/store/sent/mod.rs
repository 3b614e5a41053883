// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is sent before a search, in parts, since a command carries no more than 16 KiB: a query, and a filter.

mod filters;
mod queries;

use std::sync::Arc;

use nix::errno::Errno;

use super::abi::{FilterPart, QueryPart};
use crate::anns::Filter;
use filters::Filters;
use queries::Queries;

/// What is held for open files.
#[derive(Debug, Default)]
pub struct AllSent {
    queries: Queries,
    filters: Filters,
}

/// What was sent through one open file: one query and one filter.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    pub all: &'a AllSent,
    /// A number that no other open file has.
    pub owner: u64,
}

impl Sent<'_> {
    /// Adds a part, which begins a query or continues the one that is held. `ECANCELED` if another one is held.
    pub fn add_to_query(self, part: &QueryPart, elements: &[f32]) -> Result<(), Errno> {
        self.all.queries.add(self.owner, part, elements)
    }

    /// Returns the whole query `number` of `dim` elements. `ECANCELED` if that is not what is held.
    pub fn query(self, number: u64, dim: usize) -> Result<Vec<f32>, Errno> {
        self.all.queries.get(self.owner, number, dim)
    }

    /// Adds a part, which begins a filter or continues the one that is held. `ECANCELED` if another one is held.
    pub fn add_to_filter(self, part: &FilterPart, words: &[u64]) -> Result<(), Errno> {
        self.all.filters.add(self.owner, part, words)
    }

    /// Returns the whole filter `number`. `ECANCELED` if that is not what is held.
    pub fn filter(self, number: u32) -> Result<Arc<Filter>, Errno> {
        self.all.filters.get(self.owner, number)
    }

    /// Lets go of all that is held.
    pub fn forget(self) {
        self.all.queries.forget(self.owner);
        self.all.filters.forget(self.owner);
    }
}
