// SPDX-License-Identifier: MIT OR Apache-2.0
//! Groups of processes with a limit of memory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};

use crate::system::proc::read_trimmed;

/// A memory cgroup.
pub struct Group(PathBuf);

impl Group {
    pub fn new(name: &str) -> Result<Group> {
        let root = Path::new("/mnt/cgroup");
        fs::create_dir_all(root)?;
        mount(
            Some("cgroup"),
            root,
            Some("cgroup2"),
            MsFlags::empty(),
            None::<&str>,
        )
        .context("cannot mount cgroup2")?;
        fs::write(root.join("cgroup.subtree_control"), "+memory")
            .context("there are no memory cgroups")?;
        let group = root.join(name);
        match fs::create_dir(&group) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error)?,
            _ => Ok(Group(group)),
        }
    }

    pub fn limit(&self, bytes: u64) -> Result<()> {
        Ok(fs::write(self.0.join("memory.max"), bytes.to_string())?)
    }

    /// Moves this process into it.
    pub fn enter(&self) -> Result<()> {
        Ok(fs::write(self.0.join("cgroup.procs"), "0")?)
    }

    /// Moves this process out of it, and tells how many of the group the kernel has killed.
    pub fn leave(&self) -> Result<u64> {
        fs::write(self.0.with_file_name("cgroup.procs"), "0")?;
        self.killed()
    }

    /// The bytes that are charged to it.
    pub fn charged(&self) -> Result<u64> {
        Ok(read_trimmed(self.0.join("memory.current"))?.parse()?)
    }

    /// How many of it the kernel has killed.
    pub fn killed(&self) -> Result<u64> {
        let events = fs::read_to_string(self.0.join("memory.events"))?;
        let kills = events
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill "));
        Ok(kills.context("no oom_kill in memory.events")?.parse()?)
    }
}
