// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looks at the module's file, loads it, checks that what was loaded is that file, and unloads it.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};

use crate::guest::{debugfs, kmod};
use crate::protocol::results::Module;
use crate::system::proc::{LogRecord, kernel_log_from, next_log_sequence};

pub fn observe() -> Result<Module> {
    let file = Path::new(kmod::PATH);
    let file_blake3 = hash(file)?;
    let file_build_id = kmod::file_build_id(file)?;

    kmod::ensure_unloaded()?;
    let log_start = next_log_sequence()?;
    kmod::load()?;
    let loaded_build_id = kmod::loaded_build_id()?;
    let listed = kmod::is_loaded()?;
    let filesystem_registered = kmod::filesystem_registered()?;
    kmod::unload()?;

    Ok(Module {
        file_blake3,
        file_build_id,
        loaded_build_id,
        listed,
        filesystem_registered,
        gone: gone()?,
        kernel_log: kernel_log_from(log_start)?
            .iter()
            .map(LogRecord::line)
            .collect(),
    })
}

/// Whether neither the module nor its filesystem is there, nor what it had in debugfs.
pub fn gone() -> Result<bool> {
    Ok(!kmod::is_loaded()? && !kmod::filesystem_registered()? && !debugfs::has_module()?)
}

fn hash(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    File::open(path)
        .and_then(|file| hasher.update_reader(file).map(drop))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hasher.finalize().to_hex().to_string())
}
