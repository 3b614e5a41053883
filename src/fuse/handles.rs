// SPDX-License-Identifier: MIT OR Apache-2.0
//! The handles by which the kernel knows open files and open directories.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use fuser::FileHandle;

/// What is open, by numbers that are given out once only.
pub(super) struct Handles<T> {
    last: AtomicU64,
    open: RwLock<HashMap<u64, Arc<T>>>,
}

impl<T> Handles<T> {
    pub(super) fn new() -> Self {
        Self {
            last: AtomicU64::new(0),
            open: RwLock::new(HashMap::new()),
        }
    }

    pub(super) fn insert(&self, value: T) -> FileHandle {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut open = self.open.write().expect("a thread panicked");
        open.insert(number, Arc::new(value));
        FileHandle(number)
    }

    pub(super) fn get(&self, handle: FileHandle) -> io::Result<Arc<T>> {
        let open = self.open.read().expect("a thread panicked");
        open.get(&handle.0)
            .cloned()
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.open.read().expect("a thread panicked").len()
    }

    pub(super) fn remove(&self, handle: FileHandle) {
        let removed = self
            .open
            .write()
            .expect("a thread panicked")
            .remove(&handle.0);
        // Closing may take long (it may free a deleted file), so the table is unlocked by now.
        drop(removed);
    }
}
