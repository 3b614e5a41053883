// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds what a test's own processes leave behind.

use std::fs;
use std::path::Path;

/// The command lines of all processes that name `dir`.
pub fn naming(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(dir))
        .collect()
}
