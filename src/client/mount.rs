// SPDX-License-Identifier: MIT OR Apache-2.0
//! The filesystem that an open file lies in.

use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Its type as `/proc/self/mountinfo` shows it, such as `vexfs` or `fuse.vexfs`.
pub fn filesystem_type(file: BorrowedFd<'_>) -> Option<String> {
    // By the mount's id and not by the file's device number, which a stackable filesystem may take from below.
    let file = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).ok()?;
    let id = file
        .lines()
        .find_map(|line| line.strip_prefix("mnt_id:"))?
        .trim();
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts
        .lines()
        .find(|line| line.split(' ').next() == Some(id))?;
    let (_, filesystem) = mount.split_once(" - ")?;
    filesystem.split(' ').next().map(str::to_owned)
}
