// SPDX-License-Identifier: MIT OR Apache-2.0
//! The read-only disk with the peers on it, mounted as a root directory for them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::{disks, drivers};
use crate::protocol::guest_files::PEERS_DISK;

/// Directories that the disk has, empty, for what is mounted there.
pub const MOUNT_POINTS: [&str; 4] = ["dev", "proc", "store", "sys"];

/// The disk, mounted as long as this value lives.
pub struct PeersDisk {
    root: PathBuf,
}

impl PeersDisk {
    /// Mounts the disk. The store is seen there under the path that it has here.
    pub fn mount() -> Result<PeersDisk> {
        drivers::load_for_peers()?;
        let device = disks::wait_for_disk(PEERS_DISK)?;
        let root = PathBuf::from("/mnt/peers");
        fs::create_dir_all(&root)?;
        // What goes wrong from here on unmounts it.
        let disk = PeersDisk { root };
        let at = |name: &str| disk.root.join(name);
        mount_at(&device, &disk.root, Some("ext4"), MsFlags::MS_RDONLY)?;
        mount_at("proc".as_ref(), &at("proc"), Some("proc"), MsFlags::empty())?;
        mount_at(
            "sysfs".as_ref(),
            &at("sys"),
            Some("sysfs"),
            MsFlags::empty(),
        )?;
        mount_at("/dev".as_ref(), &at("dev"), None, MsFlags::MS_BIND)?;
        mount_at("/store".as_ref(), &at("store"), None, MsFlags::MS_BIND)?;
        Ok(disk)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for PeersDisk {
    fn drop(&mut self) {
        // With all that is mounted below it. What cannot be unmounted is seen by init.
        let _ = umount2(&self.root, MntFlags::MNT_DETACH);
    }
}

fn mount_at(source: &Path, target: &Path, kind: Option<&str>, flags: MsFlags) -> Result<()> {
    mount(Some(source), target, kind, flags, None::<&str>)
        .with_context(|| format!("cannot mount {} on {}", source.display(), target.display()))
}
