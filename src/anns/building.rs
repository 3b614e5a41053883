// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every build of an index has: an observer, and reasons to end early.

use super::file::OutOfMemory;

/// Watches a build, and may end it. Any thread of the build calls it, many times a second.
pub trait Progress: Sync {
    fn report(&self, done: u64, of: u64);

    fn should_stop(&self) -> bool {
        false
    }

    /// Returns the error that ends the build if the observer wants it to stop.
    fn go_on(&self) -> Result<(), BuildError> {
        match self.should_stop() {
            true => Err(BuildError::Interrupted),
            false => Ok(()),
        }
    }
}

/// An observer that looks at nothing and never stops a build.
pub struct Unobserved;

impl Progress for Unobserved {
    fn report(&self, _: u64, _: u64) {}
}

/// Returns `Ok` if a parameter is as it must be, and otherwise an error that holds the sentence `otherwise`.
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
    /// A parameter is out of range; the string is one sentence about it.
    #[error("{0}")]
    Parameter(&'static str),
    #[error("its codes do not tell the rows apart that it has now; build it anew")]
    Unfit,
    #[error("its graph does not hold together; build it anew")]
    Torn,
    #[error("a file without rows has no index")]
    NoRows,
    #[error("the threads of the build could not be started")]
    Threads,
}
