// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attributes of a lower file in the terms of the FUSE protocol, and back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{FileAttr, INodeNo, TimeOrNow};
use rustix::fs::{FileType, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

/// The attributes of a lower file, under the inode number `ino`.
pub(super) fn from_stat(ino: u64, stat: &Stat) -> FileAttr {
    FileAttr {
        ino: INodeNo(ino),
        size: stat.st_size as u64,
        blocks: stat.st_blocks as u64,
        atime: system_time(stat.st_atime, stat.st_atime_nsec as u32),
        mtime: system_time(stat.st_mtime, stat.st_mtime_nsec as u32),
        ctime: system_time(stat.st_ctime, stat.st_ctime_nsec as u32),
        crtime: UNIX_EPOCH,
        kind: kind(FileType::from_raw_mode(stat.st_mode)),
        perm: (stat.st_mode & 0o7777) as u16,
        nlink: stat.st_nlink as u32,
        uid: stat.st_uid,
        gid: stat.st_gid,
        rdev: stat.st_rdev as u32,
        blksize: stat.st_blksize as u32,
        flags: 0,
    }
}

pub(super) fn kind(file_type: FileType) -> fuser::FileType {
    match file_type {
        FileType::Directory => fuser::FileType::Directory,
        FileType::Symlink => fuser::FileType::Symlink,
        FileType::Fifo => fuser::FileType::NamedPipe,
        FileType::Socket => fuser::FileType::Socket,
        FileType::CharacterDevice => fuser::FileType::CharDevice,
        FileType::BlockDevice => fuser::FileType::BlockDevice,
        FileType::RegularFile | FileType::Unknown => fuser::FileType::RegularFile,
    }
}

/// The times to set, as `utimensat` takes them, if there are any.
pub(super) fn times(atime: Option<TimeOrNow>, mtime: Option<TimeOrNow>) -> Option<Timestamps> {
    (atime.is_some() || mtime.is_some()).then(|| Timestamps {
        last_access: timespec(atime),
        last_modification: timespec(mtime),
    })
}

fn timespec(time: Option<TimeOrNow>) -> Timespec {
    match time {
        None => Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        Some(TimeOrNow::Now) => Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        },
        Some(TimeOrNow::SpecificTime(time)) => specific(time),
    }
}

/// Undoes fuser's decoding: for a time before 1970 fuser subtracts the nanoseconds, where it ought to add them.
fn specific(time: SystemTime) -> Timespec {
    let (seconds, distance) = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (after.as_secs() as i64, after),
        Err(error) => {
            let before = error.duration();
            (-(before.as_secs() as i64), before)
        }
    };
    Timespec {
        tv_sec: seconds,
        tv_nsec: i64::from(distance.subsec_nanos()) as _,
    }
}

fn system_time(seconds: i64, nanoseconds: u32) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let start = if seconds < 0 {
        UNIX_EPOCH - whole
    } else {
        UNIX_EPOCH + whole
    };
    start + Duration::from_nanos(nanoseconds.into())
}
