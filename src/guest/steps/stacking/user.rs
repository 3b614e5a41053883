// SPDX-License-Identifier: MIT OR Apache-2.0
//! An ordinary user, and what comes of what one does.

use std::thread;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;

pub use crate::guest::steps::outcomes::outcome;

pub const USER: u32 = 100;
pub const GROUP: u32 = 101;

/// Does `work` as an ordinary user, in no other group. The rest of the process stays as it is.
pub fn as_user<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    as_member_of(&[], work)
}

/// Does `work` as an ordinary user who is in these other groups, too.
pub fn as_member_of<T: Send>(
    groups: &[libc::gid_t],
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            become_user(groups).context("cannot become an ordinary user")?;
            work()
        });
        thread.join().map_err(|_| anyhow!("the user panicked"))?
    })
}

/// The library's functions would do it to all threads.
fn become_user(groups: &[libc::gid_t]) -> Result<(), Errno> {
    // SAFETY: the list has so many groups, and the other calls take numbers.
    let results = unsafe {
        [
            libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()),
            libc::syscall(libc::SYS_setresgid, GROUP, GROUP, GROUP),
            libc::syscall(libc::SYS_setresuid, USER, USER, USER),
        ]
    };
    results
        .into_iter()
        .try_for_each(|result| Errno::result(result).map(drop))
}
