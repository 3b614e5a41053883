// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counts what was done, and keeps what was wrong.

use nix::errno::Errno;

use crate::protocol::errno_name;
use crate::protocol::hostile::{Done, Tried};

/// What is observed where nothing is wrong.
pub const AS_EXPECTED: &str = "each as expected";

/// So much that was wrong is told: a module that does nothing right does much wrong.
const TOLD: usize = 6;

#[derive(Debug, Default)]
pub struct Tally {
    pub done: Done,
    wrong: Vec<String>,
    more: u64,
}

impl Tally {
    /// Counts what came of a request.
    pub fn ioctl(&mut self, result: Result<(), Errno>) {
        self.done.ioctls += 1;
        match result {
            Ok(()) => self.done.answers += 1,
            Err(errno) => self.refusal(errno),
        }
    }

    pub fn refusal(&mut self, errno: Errno) {
        let name = errno_name(errno);
        *self.done.refusals.entry(name).or_default() += 1;
    }

    pub fn wrong(&mut self, what: String) {
        if self.wrong.len() < TOLD {
            self.wrong.push(what);
        } else {
            self.more += 1;
        }
    }

    pub fn tried(self) -> Tried {
        let observed = match (self.wrong.is_empty(), self.more) {
            (true, _) => AS_EXPECTED.to_owned(),
            (_, 0) => self.wrong.join(", "),
            (_, more) => format!("{}, and {more} more", self.wrong.join(", ")),
        };
        Tried {
            observed,
            absent: None,
            done: self.done,
        }
    }
}
