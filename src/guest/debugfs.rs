// SPDX-License-Identifier: MIT OR Apache-2.0
//! The filesystem by which the kernel is watched, and told to fail.

use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};

use super::kmod;
use crate::client::module_clock::DEBUGFS;
use crate::system::proc::is_mounted;

/// Mounts debugfs, unless it is mounted.
pub fn ensure_mounted() -> Result<()> {
    let debugfs = Path::new(DEBUGFS);
    if !is_mounted(debugfs)? {
        let kind = Some("debugfs");
        mount(kind, debugfs, kind, MsFlags::empty(), None::<&str>)
            .with_context(|| format!("cannot mount debugfs on {DEBUGFS}"))?;
    }
    Ok(())
}

/// Whether the module has a directory there. A kernel without debugfs has none.
pub fn has_module() -> Result<bool> {
    let debugfs = Path::new(DEBUGFS);
    if !debugfs.is_dir() {
        return Ok(false);
    }
    ensure_mounted()?;
    Ok(debugfs.join(kmod::NAME).exists())
}
