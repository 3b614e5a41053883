// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells whether the module is still there, unloads it, and reports what the run leaves behind.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, Result};

use super::module::gone;
use crate::guest::kmod;
use crate::guest::supervisor::LEFTOVERS_PATH;
use crate::protocol::results::After;
use crate::system::proc::{LogRecord, kernel_log_from, taint};

pub fn observe() -> Result<After> {
    let still_loaded = kmod::is_loaded()?;
    kmod::ensure_unloaded()?;
    Ok(After {
        still_loaded,
        gone: gone()?,
        taint: taint()?,
        mounts: leftovers("mount ")?,
        processes: leftovers("process ")?,
        kernel_log: kernel_log_from(0)?.iter().map(LogRecord::line).collect(),
    })
}

/// What init found after the steps before this one, of one kind.
fn leftovers(kind: &str) -> Result<Vec<String>> {
    let notes = match fs::read_to_string(LEFTOVERS_PATH) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        notes => notes.with_context(|| format!("cannot read {LEFTOVERS_PATH}"))?,
    };
    let of_kind = notes.lines().filter_map(|line| line.strip_prefix(kind));
    Ok(of_kind.map(str::to_owned).collect())
}
