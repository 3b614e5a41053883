// SPDX-License-Identifier: MIT OR Apache-2.0
//! The snapshot of one vector file, kept for as long as the file does not change.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::content::Followed;
use super::origin::Origin;
use super::snapshot::errno;
use super::stamp::Stamp;
use super::touched::Touched;
use super::update::Update;
use super::{Content, Snapshot};

/// The snapshot that a driver keeps of each vector file (each inode). The first search loads it. Of what was changed
/// through the driver, the next search reads only what was touched; after any other change it loads the file again.
#[derive(Debug, Default)]
pub struct VectorFile {
    content: Arc<Content>,
    cached: Mutex<Option<Cached>>,
}

#[derive(Debug)]
struct Cached {
    snapshot: Arc<Snapshot>,
    origin: Origin,
    /// What the last load took.
    took: Duration,
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
        if let Some(cached) = &mut *cached {
            let stamp = Stamp::of(file)?;
            if cached.origin.is_current(&stamp, &self.content) || self.update(cached, file)? {
                return Ok(cached.snapshot.clone());
            }
        }
        let mut loaded = self.load(file)?;
        if let Some(old) = cached.take()
            && let Some(renewed) = old.snapshot.renewed(&loaded.snapshot)
        {
            // The rows are the same, and so is the generation.
            loaded.snapshot = Arc::new(renewed);
        }
        Ok(cached.insert(loaded).snapshot.clone())
    }

    fn load(&self, file: &File) -> Result<Cached, Errno> {
        let _unchanging = self.content.hold();
        let begun = Instant::now();
        let stamp = Stamp::of(file)?;
        let origin = Origin::new(stamp, &self.content);
        *self.content.followed() = None;
        let snapshot = Snapshot::load(file).map_err(|error| errno(&error))?;
        *self.content.followed() = Some(Followed::from_load(stamp));
        Ok(Cached {
            snapshot: Arc::new(snapshot),
            origin,
            took: begun.elapsed(),
        })
    }

    /// Makes a snapshot of the file as it is now out of the one that is kept, if all changes since are known.
    fn update(&self, cached: &mut Cached, file: &File) -> Result<bool, Errno> {
        let _unchanging = self.content.hold();
        let mut followed = self.content.followed();
        let stamp = Stamp::of(file)?;
        let Some(known) = followed.as_mut().filter(|known| known.stamp == stamp) else {
            return Ok(false);
        };
        let origin = cached.origin.followed(known, &self.content, cached.took);
        let Some(origin) = origin else {
            return Ok(false);
        };
        let rows = cached.snapshot.rows();
        // A fault is told, and everything stays as it is: what mends it is a change as well.
        let update = Update::read(file, stamp.size, &known.touched, rows);
        let Some(update) = update.map_err(|error| errno(&error))? else {
            return Ok(false);
        };
        known.touched = Touched::default();
        cached.origin = origin;
        if !update.is_empty(rows) {
            // Copied only where a search holds it.
            Arc::make_mut(&mut cached.snapshot).update(&update);
        }
        Ok(true)
    }
}
