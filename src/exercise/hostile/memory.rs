// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that an ioctl is given, good and bad.

use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

use super::random::Random;

/// More than any command word can announce, and a page.
const ROOM: usize = 0x8000;
const PAGE: usize = 0x1000;

/// Addresses at which no program has memory: none, the first page, the last one, the kernel's half, and what is no
/// address at all.
const NOWHERE: [usize; 6] = [
    0,
    8,
    usize::MAX,
    usize::MAX - PAGE + 1,
    0xffff_8880_0000_0000,
    0x0000_8000_0000_0000,
];

/// Where a request lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Good,
    /// It cannot be read.
    Nowhere(usize),
    /// All but the last bytes can be read.
    Short(usize),
    /// It can be read and not written.
    ReadOnly,
}

impl Place {
    /// A place in which `bytes` bytes are not safe.
    pub fn bad(random: &mut Random, bytes: usize) -> Place {
        match random.below(4) {
            0 => Place::Nowhere(random.of(&NOWHERE)),
            1 => Place::ReadOnly,
            _ if bytes == 0 => Place::Nowhere(random.of(&NOWHERE)),
            2 => Place::Short(1),
            _ => Place::Short(1 + random.below(bytes)),
        }
    }

    pub fn can_be_read(self) -> bool {
        matches!(self, Place::Good | Place::ReadOnly)
    }
}

/// Pages for requests, with one behind them that nobody may touch.
pub struct Memory(NonNull<u8>);

impl Memory {
    pub fn new() -> Result<Memory> {
        let length = NonZeroUsize::MIN.saturating_add(ROOM + PAGE - 1);
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a fresh mapping, whose last page is taken away before anybody knows it.
        unsafe {
            let memory = mmap_anonymous(None, length, access, MapFlags::MAP_PRIVATE)?;
            mprotect(memory.byte_add(ROOM), PAGE, ProtFlags::PROT_NONE)?;
            Ok(Memory(memory.cast()))
        }
    }

    /// Sends `bytes`, and as much room as the command word announces, and puts into `bytes` what is there then.
    pub fn send(
        &mut self,
        file: BorrowedFd,
        word: u32,
        bytes: &mut [u8],
        place: Place,
    ) -> Result<(), Errno> {
        let length = bytes.len().min(ROOM);
        let offset = match place {
            Place::Good | Place::Nowhere(_) => 0,
            Place::ReadOnly => 0,
            Place::Short(missing) => ROOM - (length - missing.min(length)),
        };
        let there = length.min(ROOM - offset);
        let command = libc::Ioctl::from(word);
        let all = self.0.cast();
        // SAFETY: the copies stay within the mapping. Whatever the kernel does with the address, it checks it first,
        // and this process has nothing behind the bytes that the command word announces but memory of this mapping.
        unsafe {
            let start = self.0.byte_add(offset);
            start.copy_from_nonoverlapping(NonNull::from(&mut *bytes).cast(), there);
            if place == Place::ReadOnly {
                mprotect(all, ROOM, ProtFlags::PROT_READ)?;
            }
            let address = match place {
                Place::Nowhere(address) => address,
                _ => start.as_ptr().expose_provenance(),
            };
            let result = libc::ioctl(file.as_raw_fd(), command, address);
            let result = Errno::result(result).map(drop);
            if place == Place::ReadOnly {
                mprotect(all, ROOM, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE)?;
            }
            NonNull::from(&mut *bytes)
                .cast()
                .copy_from_nonoverlapping(start, there);
            result
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: nobody else has the mapping.
        let _ = unsafe { munmap(self.0.cast(), ROOM + PAGE) };
    }
}
