// SPDX-License-Identifier: MIT OR Apache-2.0
//! Outputs that take nothing, as a program may find them.

use std::fs::{File, OpenOptions};
use std::io::pipe;
use std::process::Stdio;

/// A pipe whose reader is gone.
pub fn reader_gone() -> Stdio {
    let (_, writer) = pipe().unwrap();
    writer.into()
}

/// A file on a full disk.
pub fn full_disk() -> Stdio {
    let full: File = OpenOptions::new().write(true).open("/dev/full").unwrap();
    full.into()
}
