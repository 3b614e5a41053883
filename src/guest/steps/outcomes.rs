// SPDX-License-Identifier: MIT OR Apache-2.0
//! What came of something, in a word.

use std::io;

use nix::errno::Errno;

use crate::protocol::errno_name;

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
