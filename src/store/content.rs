// SPDX-License-Identifier: MIT OR Apache-2.0
//! The content of a file as a driver changes it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

/// Counts the changes that a driver makes to one file (one inode), and keeps loads of the file apart from them.
#[derive(Debug, Default)]
pub struct Content {
    /// A lock that changes share and a load has for itself, so that no half of a write is loaded.
    changing: RwLock<()>,
    changes: AtomicU64,
}

impl Content {
    /// Runs something that changes the file's content or size, such as a write, a truncation or a copy.
    ///
    /// Changes do not wait for each other. A search that has to load the file waits for changes under way, and changes
    /// wait until it has loaded.
    pub fn change<R>(&self, operation: impl FnOnce() -> R) -> R {
        let _changing = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        let result = operation();
        self.changes.fetch_add(1, Ordering::Release);
        result
    }

    /// The number of changes that are complete.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Keeps changes through the driver from beginning for as long as the guard is held, after those under way have
    /// ended.
    pub(super) fn hold(&self) -> RwLockWriteGuard<'_, ()> {
        self.changing
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
