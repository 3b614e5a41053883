// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a case works on: a store on a fresh lower filesystem, mounted by the module.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::guest::kmod;
use crate::guest::loop_disk::{is_any_attached, mount_ext4};
use crate::system::deadline::wait_for;
use crate::system::proc;

/// What a store lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lower {
    Tmpfs,
    /// On a loop device.
    Ext4,
}

const STORE: &str = "/store";
/// Below the store, so that whoever clears the store away clears this away too.
const EXT4: &str = "/store/ext4";
const MOUNT: &str = "/mnt/kernel";
/// How long a disk may take to be free after the last mount of it.
const SOON: Duration = Duration::from_secs(2);

/// A store and a mount of it.
pub struct Stage {
    lower: PathBuf,
    root: PathBuf,
}

impl Stage {
    pub fn new(lower: Lower) -> Result<Stage> {
        make_dir(STORE.as_ref())?;
        mount(
            Some("store"),
            STORE,
            Some("tmpfs"),
            MsFlags::empty(),
            Some("mode=0755"),
        )
        .context("cannot mount a tmpfs on /store")?;
        let beneath = match lower {
            Lower::Tmpfs => Path::new(STORE),
            Lower::Ext4 => {
                make_dir(EXT4.as_ref())?;
                mount_ext4(&Path::new(STORE).join("disk"), EXT4.as_ref())?;
                Path::new(EXT4)
            }
        };
        let lower = beneath.join("lower");
        make_dir(&lower)?;
        let stage = Stage {
            lower,
            root: PathBuf::from(MOUNT),
        };
        mount_module(&stage.lower, &stage.root, MsFlags::empty(), "")?;
        Ok(stage)
    }

    /// The store's directory in the lower filesystem.
    pub fn lower(&self) -> &Path {
        &self.lower
    }

    /// Where the module presents it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Mounts the store anew: then nothing has been looked up, and nothing loaded.
    pub fn remount(&self) -> Result<()> {
        umount2(&self.root, MntFlags::empty()).context("cannot unmount the store")?;
        mount_module(&self.lower, &self.root, MsFlags::empty(), "")
    }

    /// Unmounts all that the case has mounted, the latest first.
    pub fn unmount(self) -> Result<()> {
        for point in mounts()?.iter().rev() {
            umount2(point.as_str(), MntFlags::empty())
                .with_context(|| format!("{point} cannot be unmounted"))?;
        }
        // A lower filesystem that somebody still holds keeps its disk.
        wait_for("the release of the disk", SOON, || {
            Ok((!is_any_attached()?).then_some(()))
        })
    }
}

/// Mounts the directory `lower` on the directory `root`, which is made if it is not there.
pub fn mount_module(lower: &Path, root: &Path, flags: MsFlags, options: &str) -> Result<()> {
    make_dir(root)?;
    mount(Some(lower), root, Some(kmod::NAME), flags, Some(options))
        .with_context(|| format!("cannot mount {} on {}", lower.display(), root.display()))
}

/// Unmounts what a case has left, whatever still uses it.
pub fn clear_away() -> Result<()> {
    for point in mounts()?.iter().rev() {
        umount2(point.as_str(), MntFlags::MNT_DETACH)
            .with_context(|| format!("cannot unmount {point}"))?;
    }
    Ok(())
}

/// What is mounted for a case, in the order of mounting.
fn mounts() -> Result<Vec<String>> {
    let mounts = proc::mounts()?;
    let points = mounts
        .iter()
        .map(|mount| mount.mount_point.display().to_string());
    Ok(points
        .filter(|point| point.starts_with("/mnt/") || point.starts_with(STORE))
        .collect())
}

fn make_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))
}
