// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs of the suites, and the versions that are pinned.

pub const PJDFSTEST: &str = "pjdfstest";
pub const FSX: &str = "fsx";

/// The pins, `NAME@VERSION`, one a line.
pub const PINS: &str = include_str!("programs.txt");

/// Name and version of each program.
pub fn pinned() -> impl Iterator<Item = (&'static str, &'static str)> {
    PINS.lines().filter_map(|line| line.split_once('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_pinned() {
        let names: Vec<_> = pinned().map(|(name, _)| name).collect();
        assert_eq!(names, [PJDFSTEST, FSX]);
    }
}
