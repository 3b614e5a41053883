// SPDX-License-Identifier: MIT OR Apache-2.0
//! The read-only disk with the peers on it, mounted as a root directory for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::drivers;
use crate::protocol::guest_files::PEERS_DISK;
use crate::system::deadline::wait_for;

const APPEARS_WITHIN: Duration = Duration::from_secs(20);

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
        let device = wait_for(&format!("the disk {PEERS_DISK}"), APPEARS_WITHIN, || {
            find(Path::new("/sys/block"))
        })?;
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

/// The device with the disk's serial number.
fn find(blocks: &Path) -> Result<Option<PathBuf>> {
    let Ok(entries) = fs::read_dir(blocks) else {
        return Ok(None);
    };
    for entry in entries {
        let entry = entry?;
        let serial = fs::read_to_string(entry.path().join("serial")).unwrap_or_default();
        let device = Path::new("/dev").join(entry.file_name());
        if serial.trim_end() == PEERS_DISK && device.exists() {
            return Ok(Some(device));
        }
    }
    Ok(None)
}
