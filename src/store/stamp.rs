// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells whether a copy of a file that was made earlier is still what the file holds.

use std::os::fd::AsFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use rustix::fs::Stat;

/// A time longer than a tick of the clock that stamps files (at most 10 ms): two changes further apart than this have
/// different times.
const TICK: Duration = Duration::from_millis(20);

/// Which file it is: no two files have the same id at the same time.
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

/// What shows that a file's content has changed: which file it is, its size, the time of the last write, and that of
/// the last change of any kind.
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

    /// The later of the two times, since 1970.
    fn latest(&self) -> Duration {
        let (seconds, nanoseconds) = self.written.max(self.changed);
        Duration::new(seconds.try_into().unwrap_or(0), nanoseconds as u32)
    }
}

/// What a file was like just before it was loaded.
///
/// Changes through the driver are counted; changes beneath it show in the stamp. File times are coarse, so a file that
/// was changed just before it was loaded may change again without showing it. Such a copy is made again when that can
/// no longer happen. Git treats its index in this way (Documentation/technical/racy-git.txt).
#[derive(Debug)]
pub(super) struct Origin {
    stamp: Stamp,
    changes: u64,
    /// The time (since 1970) from which on the stamp would show a change made after the load.
    settled: Option<Duration>,
}

impl Origin {
    /// To be called before the file is read: a change beneath the driver while it is read then shows afterwards.
    pub fn new(stamp: Stamp, changes: u64) -> Self {
        let settled = stamp.latest() + TICK;
        Origin {
            stamp,
            changes,
            settled: (settled > now()).then_some(settled),
        }
    }

    /// Whether a file with this stamp and so many changes still holds what was loaded.
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
