// SPDX-License-Identifier: MIT OR Apache-2.0
//! The signals that this process was started to ignore, as `nohup` does with SIGHUP.

use procfs_core::FromRead;
use procfs_core::process::Status;

/// Which of the signals are not ignored. To handle one that is would undo what whoever started this process wants.
pub fn not_ignored(signals: &[i32]) -> Vec<i32> {
    let ignored = Status::from_file("/proc/self/status").map_or(0, |status| status.sigign);
    let is_ignored = |signal: i32| ignored & 1 << (signal - 1) != 0;
    let mut left = signals.to_vec();
    left.retain(|&signal| !is_ignored(signal));
    left
}
