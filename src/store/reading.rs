// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading an open file that belongs to somebody else.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// Reads a file from a byte on. The file's own position stays as it is, because it belongs to whoever opened the file.
pub(super) struct FromByte<'a> {
    pub file: &'a File,
    pub offset: u64,
}

impl Read for FromByte<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.read_at(buffer, self.offset)?;
        self.offset += bytes as u64;
        Ok(bytes)
    }
}
