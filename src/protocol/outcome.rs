// SPDX-License-Identifier: MIT OR Apache-2.0
//! What came of something that was tried, and why it could not be carried out.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// What became of a step, or of one place within a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome<T> {
    /// It was carried out. Whether what it saw is right is for the host to judge.
    Ok { data: T },
    /// It could not be carried out.
    Failed(Failure),
}

/// Why something could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One sentence: what failed, on what.
    pub reason: String,
    /// The symbolic errno, such as `ENOMEM`, if a system call failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
}

impl<T> From<anyhow::Result<T>> for Outcome<T> {
    fn from(result: anyhow::Result<T>) -> Self {
        match result {
            Ok(data) => Outcome::Ok { data },
            Err(error) => Outcome::Failed(Failure::from(&error)),
        }
    }
}

impl<T> Outcome<T> {
    pub fn as_result(&self) -> Result<&T, &Failure> {
        match self {
            Outcome::Ok { data } => Ok(data),
            Outcome::Failed(failure) => Err(failure),
        }
    }
}

impl From<&anyhow::Error> for Failure {
    fn from(error: &anyhow::Error) -> Self {
        Failure {
            reason: format!("{error:#}"),
            errno: error.chain().find_map(errno_of).map(errno_name),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

fn errno_of(error: &(dyn std::error::Error + 'static)) -> Option<nix::Error> {
    if let Some(errno) = error.downcast_ref::<nix::Error>() {
        return Some(*errno);
    }
    let code = error.downcast_ref::<io::Error>()?.raw_os_error()?;
    Some(nix::Error::from_raw(code))
}

/// The symbolic name of an errno, such as `EBUSY`.
pub fn errno_name(errno: nix::Error) -> String {
    format!("{errno:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_errno_through_layers_of_context() {
        let error = anyhow::Error::from(io::Error::from_raw_os_error(libc::EBUSY))
            .context("cannot unmount /mnt/kernel");
        let failure = Failure::from(&error);
        assert_eq!(failure.errno.as_deref(), Some("EBUSY"));
        assert!(failure.reason.starts_with("cannot unmount /mnt/kernel: "));
    }
}
