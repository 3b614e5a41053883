// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes writes that the times of a file do not show.

use std::ffi::c_void;
use std::fs::File;
use std::num::NonZero;
use std::ptr::NonNull;
use std::time::Duration;

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// Past the time in which file times cannot be trusted.
pub const SETTLED: Duration = Duration::from_millis(40);

/// Writes that leave the file's times alone: only the first write to a page of a shared mapping stamps the file.
pub struct Unstamped {
    start: NonNull<c_void>,
    bytes: NonZero<usize>,
}

impl Unstamped {
    /// Maps the file and stamps it, for the last time.
    pub fn new(file: &File, bytes: &[u8]) -> Self {
        let length = NonZero::new(bytes.len()).unwrap();
        // SAFETY: nobody else knows of the new mapping.
        let start = unsafe {
            mmap(
                None,
                length,
                ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
                file,
                0,
            )
        }
        .unwrap();
        let mapping = Unstamped {
            start,
            bytes: length,
        };
        mapping.write(bytes);
        mapping
    }

    pub fn write(&self, bytes: &[u8]) {
        assert_eq!(bytes.len(), self.bytes.get());
        // SAFETY: the mapping has as many bytes, and no reference to them exists.
        unsafe {
            self.start
                .cast::<u8>()
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len())
        };
    }
}

impl Drop for Unstamped {
    fn drop(&mut self) {
        // SAFETY: no reference into the mapping exists.
        unsafe { munmap(self.start, self.bytes.get()) }.unwrap();
    }
}
