// SPDX-License-Identifier: MIT OR Apache-2.0
//! Starts the module's own clock, where the plan asks for it.

use std::path::Path;

use anyhow::Result;

use super::debugfs;
use super::kmod;
use crate::client::module_clock::{DEBUGFS, ModuleClock};
use crate::protocol::Plan;

/// Starts the clock from nothing, if the plan asks for it. The module is loaded if it is not there.
pub fn started(plan: &Plan) -> Result<Option<ModuleClock>> {
    if !plan.module_clock {
        return Ok(None);
    }
    kmod::ensure_loaded()?;
    debugfs::ensure_mounted()?;
    let clock = ModuleClock::at(Path::new(DEBUGFS));
    clock.switch_on()?;
    Ok(Some(clock))
}
