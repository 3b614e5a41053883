// SPDX-License-Identifier: MIT OR Apache-2.0
//! An ordinary user, and what comes of what one does.

use std::io;
use std::ptr;
use std::thread;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;

use crate::protocol::errno_name;

pub const USER: u32 = 100;
pub const GROUP: u32 = 101;

/// Does `work` as an ordinary user, in no other group. The rest of the process stays as it is.
pub fn as_user<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            become_user().context("cannot become an ordinary user")?;
            work()
        });
        thread.join().map_err(|_| anyhow!("the user panicked"))?
    })
}

/// The library's functions would do it to all threads.
fn become_user() -> Result<(), Errno> {
    // SAFETY: a list of no groups is not read, and the other calls take numbers.
    let results = unsafe {
        [
            libc::syscall(libc::SYS_setgroups, 0_usize, ptr::null::<libc::gid_t>()),
            libc::syscall(libc::SYS_setresgid, GROUP, GROUP, GROUP),
            libc::syscall(libc::SYS_setresuid, USER, USER, USER),
        ]
    };
    results
        .into_iter()
        .try_for_each(|result| Errno::result(result).map(drop))
}

/// `ok`, or the errno's name.
pub fn outcome<T, E: Into<io::Error>>(result: Result<T, E>) -> String {
    match result.map_err(Into::into) {
        Ok(_) => "ok".to_owned(),
        Err(error) => match error.raw_os_error() {
            Some(errno) => errno_name(Errno::from_raw(errno)),
            None => error.to_string(),
        },
    }
}
