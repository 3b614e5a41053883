// SPDX-License-Identifier: MIT OR Apache-2.0
//! The snapshot of one vector file, kept for as long as the file does not change.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;

use super::Snapshot;
use super::snapshot::errno;

/// Longer than the clock that stamps files takes from tick to tick (at most 10 ms): two changes further apart than this
/// have different times.
const TICK: Duration = Duration::from_millis(20);

/// What a driver keeps for each vector file (each inode).
///
/// The snapshot is loaded by the first search and again after a change. Changes through the driver are counted;
/// changes beneath it show in the file's size and times. File times are coarse, so a file that was changed just before
/// it was loaded may change again without showing it; such a snapshot is loaded again when that can no longer happen
/// (git treats its index the same way, Documentation/technical/racy-git.txt).
#[derive(Debug, Default)]
pub struct VectorFile {
    /// Shared by changes, exclusive for the loader: no half of a write is loaded.
    changing: RwLock<()>,
    changes: AtomicU64,
    cached: Mutex<Option<Cached>>,
}

#[derive(Debug)]
struct Cached {
    snapshot: Arc<Snapshot>,
    changes: u64,
    stamp: Stamp,
    /// From this time on (since 1970) the stamp would show a change made after the load.
    settled: Option<Duration>,
}

/// What the file system says about a file that changes when its content does: size, time of the last write, and time
/// of the last change of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl VectorFile {
    /// Runs something that changes the file's content or size (write, truncate, fallocate, copy, …). Changes do not wait
    /// for each other, but a search that has to load the file waits for them, and they wait for it to have loaded.
    pub fn change<R>(&self, operation: impl FnOnce() -> R) -> R {
        let _changing = self.changing.read().unwrap_or_else(PoisonError::into_inner);
        let result = operation();
        self.changes.fetch_add(1, Ordering::Release);
        result
    }

    /// The rows of the file as they are now. `file` is open for reading.
    pub fn snapshot(&self, file: &File) -> Result<Arc<Snapshot>, Errno> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.changes.load(Ordering::Acquire);
        let stamp = Stamp::of(file)?;
        if let Some(cached) = &*cached
            && cached.changes == changes
            && cached.stamp == stamp
            && cached.settled.is_none_or(|settled| now() < settled)
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
        let _quiet = self
            .changing
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // Taken before the rows are read: a change beneath the driver while they are read shows afterwards.
        let changes = self.changes.load(Ordering::Acquire);
        let stamp = Stamp::of(file)?;
        let settled = stamp.latest() + TICK;
        let settled = (settled > now()).then_some(settled);
        let snapshot = Snapshot::load(file).map_err(|error| errno(&error))?;
        Ok(Cached {
            snapshot: Arc::new(snapshot),
            changes,
            stamp,
            settled,
        })
    }
}

impl Stamp {
    fn of(file: &File) -> Result<Self, Errno> {
        let data = file.metadata().map_err(|_| Errno::EIO)?;
        Ok(Stamp {
            size: data.size(),
            written: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }

    /// The later of the two times, since 1970.
    fn latest(&self) -> Duration {
        let (seconds, nanoseconds) = self.written.max(self.changed);
        Duration::new(seconds.try_into().unwrap_or(0), nanoseconds as u32)
    }
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
