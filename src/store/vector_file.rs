// SPDX-License-Identifier: MIT OR Apache-2.0
//! The snapshot of one vector file, kept for as long as the file does not change.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use nix::errno::Errno;

use super::snapshot::errno;
use super::stamp::{Origin, Stamp};
use super::{Content, Snapshot};

/// The snapshot that a driver keeps of each vector file (each inode). The first search loads it, and so does the first
/// one after a change.
#[derive(Debug, Default)]
pub struct VectorFile {
    content: Arc<Content>,
    cached: Mutex<Option<Cached>>,
}

#[derive(Debug)]
struct Cached {
    snapshot: Arc<Snapshot>,
    origin: Origin,
}

impl VectorFile {
    pub fn new(content: Arc<Content>) -> Self {
        VectorFile {
            content,
            cached: Mutex::default(),
        }
    }

    /// The rows of the file as they are now. `file` must be open for reading.
    pub fn snapshot(&self, file: &File) -> Result<Arc<Snapshot>, Errno> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.content.changes();
        let stamp = Stamp::of(file)?;
        if let Some(cached) = &*cached
            && cached.origin.is_current(&stamp, changes)
        {
            return Ok(cached.snapshot.clone());
        }

        let loaded = self.load(file)?;
        let snapshot = match cached.take() {
            // The rows are the same, and so is the generation.
            Some(old) if old.snapshot.rows().same_bits(loaded.snapshot.rows()) => old.snapshot,
            _ => loaded.snapshot.clone(),
        };
        *cached = Some(Cached {
            snapshot: snapshot.clone(),
            ..loaded
        });
        Ok(snapshot)
    }

    fn load(&self, file: &File) -> Result<Cached, Errno> {
        let _unchanging = self.content.hold();
        let origin = Origin::new(Stamp::of(file)?, self.content.changes());
        let snapshot = Snapshot::load(file).map_err(|error| errno(&error))?;
        Ok(Cached {
            snapshot: Arc::new(snapshot),
            origin,
        })
    }
}
