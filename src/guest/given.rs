// SPDX-License-Identifier: MIT OR Apache-2.0
//! The vectors of a source: generated here, or given to the guest before it booted.

use std::path::Path;

use anyhow::{Context, Result};

use crate::dataset::fvecs;
use crate::dataset::source::Source;
use crate::dataset::workload::Vectors;
use crate::protocol::guest_files::{QUERIES, VECTORS};

/// The vectors of a source. Vectors that were given are read and hashed anew each time.
pub fn vectors(source: &Source) -> Result<Vectors> {
    let read = |path| fvecs::read(Path::new(path));
    let given = || {
        Ok(Some(Vectors {
            vectors: read(VECTORS)?,
            queries: read(QUERIES)?,
        }))
    };
    source.vectors(given).context("there are no vectors")
}
