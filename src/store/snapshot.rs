// SPDX-License-Identifier: MIT OR Apache-2.0
//! A private copy of a vector file's rows, on which searches run whatever happens to the file meanwhile.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

use crate::dataset::{Matrix, ReadError, fvecs};

#[derive(Debug)]
pub struct Snapshot {
    rows: Matrix,
    generation: u64,
}

impl Snapshot {
    /// Makes a snapshot of `rows` with a generation that no other snapshot of this process has.
    pub fn new(rows: Matrix) -> Self {
        static GENERATIONS: AtomicU64 = AtomicU64::new(1);
        Snapshot {
            rows,
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Reads all rows of a vector file.
    pub fn load(file: &File) -> Result<Self, ReadError> {
        let bytes = file.metadata()?.len();
        fvecs::decode(FromStart { file, offset: 0 }, bytes).map(Snapshot::new)
    }

    pub fn rows(&self) -> &Matrix {
        &self.rows
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }
}

/// The errno of `docs/abi.md` for rows that could not be loaded.
pub fn errno(error: &ReadError) -> Errno {
    match error {
        ReadError::Malformed { .. } => Errno::EBADMSG,
        ReadError::TooManyRows => Errno::EFBIG,
        ReadError::OutOfMemory(_) => Errno::ENOMEM,
        ReadError::Unsupported(_) | ReadError::Io(_) => Errno::EIO,
    }
}

/// Reads a file from its start. The file's own position stays as it is, because it belongs to whoever opened the file.
struct FromStart<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.read_at(buffer, self.offset)?;
        self.offset += bytes as u64;
        Ok(bytes)
    }
}
