// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names that change beneath the mount.

use std::fs;

use anyhow::Result;
use nix::errno::Errno;

use super::Trial;
use super::stage::{Lower, Stage};
use crate::protocol::errno_name;

pub(super) const TRIALS: &[Trial] = &[
    Trial {
        name: "remove what was made beneath a name that was not there",
        lower: Lower::Tmpfs,
        work: remove_made_beneath,
        expected: "file ok, directory ok, renamed ok",
    },
    Trial {
        name: "remove what was made beneath a name that was not there, on ext4",
        lower: Lower::Ext4,
        work: remove_made_beneath,
        expected: "file ok, directory ok, renamed ok",
    },
];

/// A look-up remembers that a name is not there. Whoever makes it beneath the mount must be able to remove it through
/// the mount.
fn remove_made_beneath(stage: &Stage) -> Result<String> {
    let (root, lower) = (stage.root(), stage.lower());
    for name in ["file", "directory", "old"] {
        assert!(!root.join(name).exists());
    }
    fs::write(lower.join("file"), "")?;
    fs::create_dir(lower.join("directory"))?;
    fs::write(lower.join("old"), "")?;
    Ok(format!(
        "file {}, directory {}, renamed {}",
        outcome(fs::remove_file(root.join("file"))),
        outcome(fs::remove_dir(root.join("directory"))),
        outcome(fs::rename(root.join("old"), root.join("new"))),
    ))
}

/// `ok`, or the errno's name.
fn outcome(result: std::io::Result<()>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => match error.raw_os_error() {
            Some(errno) => errno_name(Errno::from_raw(errno)),
            None => error.to_string(),
        },
    }
}
