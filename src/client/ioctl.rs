// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes the system call.

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

use crate::store::abi::Command;

/// Issues the ioctl `command` on `file` with `data` as its argument, which is read and overwritten.
///
/// `command` is one of the search ABI's and `data` has as many bytes as it says, or the answer is `EINVAL`.
pub fn call(file: BorrowedFd<'_>, command: u32, data: &mut [u8]) -> Result<(), Errno> {
    if Command::from_word(command).map(Command::bytes) != Some(data.len()) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the command is VexFS's own, so whoever understands it writes at most the bytes whose number it carries, which
    // `data` has.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), command as _, data.as_mut_ptr()) };
    Errno::result(result).map(drop)
}
