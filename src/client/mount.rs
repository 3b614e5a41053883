// SPDX-License-Identifier: MIT OR Apache-2.0
//! The filesystem that an open file lies in.

use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};

use procfs_core::FromRead;
use procfs_core::process::MountInfos;

/// The type of the filesystem that `file` lies in, such as `vexfs` or `fuse.vexfs` (`proc_pid_mountinfo(5)`).
pub fn filesystem_type(file: BorrowedFd<'_>) -> Option<String> {
    // The mount's id finds it: a stackable filesystem may take the file's device number from below.
    let file = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).ok()?;
    let id: i32 = file
        .lines()
        .find_map(|line| line.strip_prefix("mnt_id:"))?
        .trim()
        .parse()
        .ok()?;
    let mounts = MountInfos::from_file("/proc/self/mountinfo").ok()?;
    let mount = mounts.into_iter().find(|mount| mount.mnt_id == id)?;
    Some(mount.fs_type)
}
