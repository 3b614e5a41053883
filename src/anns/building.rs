// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every build of an index has: somebody who watches it, and reasons to end early.

use super::file::OutOfMemory;

/// Watches a build, and may end it. Called from any thread of it, many times a second.
pub trait Progress: Sync {
    fn report(&self, done: u64, of: u64);

    fn should_stop(&self) -> bool {
        false
    }

    /// The error that ends the build, if it shall end.
    fn go_on(&self) -> Result<(), BuildError> {
        match self.should_stop() {
            true => Err(BuildError::Interrupted),
            false => Ok(()),
        }
    }
}

/// Nobody watches.
pub struct Unobserved;

impl Progress for Unobserved {
    fn report(&self, _: u64, _: u64) {}
}

/// `Ok` if a parameter is as it must be; else the one sentence about it.
pub(crate) fn require(so: bool, otherwise: &'static str) -> Result<(), BuildError> {
    match so {
        true => Ok(()),
        false => Err(BuildError::Parameter(otherwise)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// One sentence about the parameter.
    #[error("{0}")]
    Parameter(&'static str),
    #[error("a file without rows has no index")]
    NoRows,
    #[error("the threads of the build could not be started")]
    Threads,
}
