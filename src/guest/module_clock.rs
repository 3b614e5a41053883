// SPDX-License-Identifier: MIT OR Apache-2.0
//! Starts the module's own clock, where the plan asks for it.

use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};

use super::kmod;
use crate::client::module_clock::{DEBUGFS, ModuleClock};
use crate::protocol::Plan;
use crate::system::proc::is_mounted;

/// Starts the clock from nothing, if the plan asks for it. The module is loaded if it is not there.
pub fn started(plan: &Plan) -> Result<Option<ModuleClock>> {
    if !plan.module_clock {
        return Ok(None);
    }
    kmod::ensure_loaded()?;
    mount_debugfs()?;
    let clock = ModuleClock::at(Path::new(DEBUGFS));
    clock.switch_on()?;
    Ok(Some(clock))
}

/// Mounts debugfs, unless it is mounted.
pub fn mount_debugfs() -> Result<()> {
    let debugfs = Path::new(DEBUGFS);
    if !is_mounted(debugfs)? {
        let kind = Some("debugfs");
        mount(kind, debugfs, kind, MsFlags::empty(), None::<&str>)
            .context("cannot mount debugfs, by which the module's clock is read")?;
    }
    Ok(())
}
