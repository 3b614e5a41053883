// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a copy of a file that was made earlier is still what the file holds.

use std::os::fd::AsFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use rustix::fs::Stat;

/// A time longer than a tick of the clock that stamps files (at most 10 ms). Two changes further apart have different
/// times.
const TICK: Duration = Duration::from_millis(20);

/// Tells files apart: no two files have equal values at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    pub device: u64,
    pub inode: u64,
}

impl From<&Stat> for FileId {
    fn from(stat: &Stat) -> Self {
        FileId {
            device: stat.st_dev,
            inode: stat.st_ino,
        }
    }
}

/// Shows whether a file's content has changed. It holds which file it is, its size, the time of the last write, and the
/// time of the last change of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub file: FileId,
    pub size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl From<&Stat> for Stamp {
    fn from(stat: &Stat) -> Self {
        Stamp {
            file: FileId::from(stat),
            size: stat.st_size as u64,
            written: (stat.st_mtime, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime, stat.st_ctime_nsec as i64),
        }
    }
}

impl Stamp {
    pub fn of(file: impl AsFd) -> Result<Self, Errno> {
        let stat = rustix::fs::fstat(file).map_err(|_| Errno::EIO)?;
        Ok(Stamp::from(&stat))
    }

    /// The later one of the two times, counted from 1970.
    fn latest(&self) -> Duration {
        let (seconds, nanoseconds) = self.written.max(self.changed);
        Duration::new(seconds.try_into().unwrap_or(0), nanoseconds as u32)
    }
}

/// What a file was like just before it was loaded.
///
/// Changes through the driver are counted. Changes beneath the driver show in the stamp. File times are coarse, so a
/// file that was changed just before the load may change again without showing it. Such a copy is made again once that
/// can no longer happen. Git treats its index the same way (Documentation/technical/racy-git.txt).
#[derive(Debug)]
pub(super) struct Origin {
    stamp: Stamp,
    changes: u64,
    /// The time, counted from 1970, from which on the stamp would show a change made after the load.
    settled: Option<Duration>,
}

impl Origin {
    /// Notes what the file is like. Call it before reading, so that a change beneath the driver during the read shows
    /// later.
    pub fn new(stamp: Stamp, changes: u64) -> Self {
        let settled = stamp.latest() + TICK;
        Origin {
            stamp,
            changes,
            settled: (settled > now()).then_some(settled),
        }
    }

    /// Whether a file that is like this now still holds what was loaded.
    pub fn is_current(&self, stamp: &Stamp, changes: u64) -> bool {
        self.changes == changes
            && self.stamp == *stamp
            && self.settled.is_none_or(|settled| now() < settled)
    }
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
