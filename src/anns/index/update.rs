// SPDX-License-Identifier: MIT OR Apache-2.0
//! Brings an index up to date with rows that were appended and changed. The bytes depend on the index and the rows,
//! not on the machine or the number of threads.

use super::build::pool;
use super::{Index, Stale};
use crate::anns::building::{BuildError, Progress};
use crate::anns::file::Bytes;
use crate::dataset::Matrix;

/// Why an index was not brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// What an index does not know of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Covered rows in blocks that have changed.
    pub changed: usize,
    /// Rows that were appended.
    pub appended: usize,
}

/// Returns the index file of all `rows`, and how far `index` was behind. Nothing comes back if it was not.
pub fn update(
    index: &Index,
    rows: &Matrix,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Option<(Bytes, Behind)>, UpdateError> {
    let changes = index.changes(rows)?;
    let covered = changes.covered();
    let behind = Behind {
        changed: changes.rows(),
        appended: rows.rows() - covered,
    };
    if behind.changed + behind.appended == 0 {
        return Ok(None);
    }
    let changed = changes.blocks(true).flatten();
    let touched: Vec<u32> = changed
        .chain(covered..rows.rows())
        .map(|row| row as u32)
        .collect();
    let bytes = pool(threads)?.install(|| match index {
        Index::Hnsw(index) => index.update(rows, &touched, progress),
        Index::Ivf(index) => index.update(rows, &touched, progress),
        Index::Pq(index) => index.update(rows, &touched, progress),
        Index::Lsh(index) => index.update(rows, &touched, progress),
    })?;
    Ok(Some((bytes, behind)))
}
