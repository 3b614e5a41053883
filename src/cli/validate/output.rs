// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the commands print, and the status with which they end.

use serde::Serialize;

pub use crate::system::output::{print, print_line, tell};

/// The status of a command that could not do its work.
pub const COULD_NOT_RUN: u8 = 2;

pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print_line(&serde_json::to_string_pretty(value)?)
}
