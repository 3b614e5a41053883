// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system call that asks a driver.

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

use crate::store::abi::{Command, IOC_MAGIC};

/// Issues an ioctl of our own kind that no driver knows, so that all it costs is the way there and back.
pub fn unknown(file: BorrowedFd<'_>) -> Result<(), Errno> {
    let command = nix::request_code_none!(IOC_MAGIC, 0);
    // SAFETY: the command carries no data, so whoever understands it reads and writes none of ours.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), command as _, 0) };
    Errno::result(result).map(drop)
}

/// Issues the ioctl `command` on `file` with `data` as its argument, which is read and overwritten.
///
/// The answer is `EINVAL` unless `command` belongs to the search ABI and `data` has as many bytes as `command` says.
pub fn call(file: BorrowedFd<'_>, command: u32, data: &mut [u8]) -> Result<(), Errno> {
    if Command::from_word(command).map(Command::bytes) != Some(data.len()) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the command is VexFS's own, so whoever understands it writes at most the bytes whose number it carries.
    // The check above says that `data` has that many.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), command as _, data.as_mut_ptr()) };
    Errno::result(result).map(drop)
}
