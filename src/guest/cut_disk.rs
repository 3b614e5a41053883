// SPDX-License-Identifier: MIT OR Apache-2.0
//! The disk whose guests are cut off: its ext4 mounted, and the module above it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::disks;
use super::mounts::Mounted;
use crate::client::Place;
use crate::protocol::guest_files::CUT_DISK;

const ROOT: &str = "/store";

/// The disk, mounted as long as this value lives.
pub struct CutDisk {
    lower: PathBuf,
    mounted: Option<Mounted>,
}

impl CutDisk {
    pub fn mount() -> Result<CutDisk> {
        let device = disks::wait_for_disk(CUT_DISK)?;
        fs::create_dir_all(ROOT)?;
        mount(
            Some(&device),
            ROOT,
            Some("ext4"),
            MsFlags::empty(),
            None::<&str>,
        )
        .with_context(|| format!("cannot mount {} on {ROOT}", device.display()))?;
        // What goes wrong from here on unmounts it.
        let mut disk = CutDisk {
            lower: Path::new(ROOT).join("lower"),
            mounted: None,
        };
        fs::create_dir_all(&disk.lower).context("cannot make the store")?;
        disk.mounted = Some(Mounted::new(Place::Kernel, &disk.lower)?);
        Ok(disk)
    }

    /// Where the module presents the store.
    pub fn root(&self) -> &Path {
        self.mounted.as_ref().map_or(&self.lower, Mounted::root)
    }

    pub fn lower(&self) -> &Path {
        &self.lower
    }

    pub fn unmount(mut self) -> Result<()> {
        if let Some(mounted) = self.mounted.take() {
            mounted.unmount()?;
        }
        umount2(ROOT, MntFlags::empty()).context("cannot unmount the disk")
    }
}

impl Drop for CutDisk {
    fn drop(&mut self) {
        // The module first. What cannot be unmounted is seen by init.
        self.mounted = None;
        let _ = umount2(ROOT, MntFlags::MNT_DETACH);
    }
}
