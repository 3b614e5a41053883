// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds a disk of the guest by its serial number.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::system::deadline::wait_for;

const APPEARS_WITHIN: Duration = Duration::from_secs(20);

/// The device with this serial number, as soon as it is there.
pub fn wait_for_disk(serial: &str) -> Result<PathBuf> {
    wait_for(&format!("the disk {serial}"), APPEARS_WITHIN, || {
        find(Path::new("/sys/block"), serial)
    })
}

fn find(blocks: &Path, wanted: &str) -> Result<Option<PathBuf>> {
    let Ok(entries) = fs::read_dir(blocks) else {
        return Ok(None);
    };
    for entry in entries {
        let entry = entry?;
        let serial = fs::read_to_string(entry.path().join("serial")).unwrap_or_default();
        let device = Path::new("/dev").join(entry.file_name());
        if serial.trim_end() == wanted && device.exists() {
            return Ok(Some(device));
        }
    }
    Ok(None)
}
