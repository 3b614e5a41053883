// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keeps track of how a file's content is changed through a driver.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

/// Counts the changes that a driver makes to one file (one inode), and keeps them apart from loading it.
#[derive(Debug, Default)]
pub struct Content {
    /// A lock that changes share and the loader has alone: no half of a write is loaded.
    changing: RwLock<()>,
    changes: AtomicU64,
}

impl Content {
    /// Runs something that changes the file's content or size (write, truncate, fallocate, copy, …). Changes do not
    /// wait for each other. A search that has to load the file waits for them, and they wait for it to have loaded.
    pub fn change<R>(&self, operation: impl FnOnce() -> R) -> R {
        let _changing = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        let result = operation();
        self.changes.fetch_add(1, Ordering::Release);
        result
    }

    /// How many changes are complete.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Holds changes up: while this is held, no change through the driver begins or is under way.
    pub(super) fn hold(&self) -> RwLockWriteGuard<'_, ()> {
        self.changing
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
