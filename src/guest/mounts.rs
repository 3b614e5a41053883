// SPDX-License-Identifier: MIT OR Apache-2.0
//! A store, and mounts of it by either driver. What is mounted here is unmounted when its value goes, on every way out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::kmod;
use crate::client::Place;
use crate::system::deadline::wait_for;
use crate::system::proc;

/// The `vexfs` tool, which serves the FUSE mounts.
const TOOL: &str = "/bin/vexfs";
const DAEMON_LOG: &str = "/tmp/fuse-driver.log";

const FUSE_MOUNTS_WITHIN: Duration = Duration::from_secs(20);
const FUSE_ENDS_WITHIN: Duration = Duration::from_secs(20);

/// The lower filesystem of a step: a fresh tmpfs.
pub struct Store {
    root: PathBuf,
}

impl Store {
    pub fn new() -> Result<Self> {
        let root = PathBuf::from("/store");
        make_dir(&root)?;
        mount(
            Some("store"),
            &root,
            Some("tmpfs"),
            MsFlags::empty(),
            Some("mode=0755"),
        )
        .context("cannot mount a tmpfs on /store")?;
        Ok(Store { root })
    }

    /// A directory for one place: a tree of its own, which nothing else touches.
    pub fn part(&self, place: Place) -> Result<PathBuf> {
        let path = self.root.join(place.name());
        make_dir(&path)?;
        Ok(path)
    }

    /// A directory that belongs to no place.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        let path = self.root.join(name);
        make_dir(&path)?;
        Ok(path)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // A store that cannot be unmounted is seen by init, which reports what a step leaves behind.
        let _ = umount2(&self.root, MntFlags::empty());
    }
}

/// A directory of the store as one place presents it.
pub struct Mounted {
    root: PathBuf,
    lower: PathBuf,
    driver: Driver,
}

enum Driver {
    /// The lower filesystem itself, without a mount.
    None,
    Kernel,
    Fuse(Child),
}

impl Mounted {
    /// Presents `lower` in `place`. The module is loaded if it is needed and is not there.
    pub fn new(place: Place, lower: &Path) -> Result<Self> {
        let root = Path::new("/mnt").join(place.name());
        let driver = match place {
            Place::InProcess => {
                return Ok(Mounted {
                    root: lower.to_owned(),
                    lower: lower.to_owned(),
                    driver: Driver::None,
                });
            }
            Place::Kernel => {
                kmod::ensure_loaded()?;
                make_dir(&root)?;
                mount_kernel(lower, &root)?;
                Driver::Kernel
            }
            Place::Fuse => {
                make_dir(&root)?;
                Driver::Fuse(mount_fuse(lower, &root)?)
            }
        };
        Ok(Mounted {
            root,
            lower: lower.to_owned(),
            driver,
        })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn lower(&self) -> &Path {
        &self.lower
    }

    /// Tries to unmount; the errno is for the caller to judge.
    pub fn try_unmount(&self) -> nix::Result<()> {
        umount2(&self.root, MntFlags::empty())
    }

    /// Unmounts and waits for the driver's end.
    pub fn unmount(mut self) -> Result<()> {
        let driver = std::mem::replace(&mut self.driver, Driver::None);
        if matches!(driver, Driver::None) {
            return Ok(());
        }
        let result = self
            .try_unmount()
            .with_context(|| format!("cannot unmount {}", self.root.display()));
        match driver {
            Driver::Fuse(daemon) => result.and(end_daemon(daemon)),
            _ => result,
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Reached when a step fails midway: its error is what gets reported.
        match &mut self.driver {
            Driver::None => {}
            Driver::Kernel => {
                let _ = umount2(&self.root, MntFlags::MNT_DETACH);
            }
            Driver::Fuse(daemon) => {
                let _ = umount2(&self.root, MntFlags::MNT_DETACH);
                let _ = daemon.kill();
                let _ = daemon.wait();
            }
        }
    }
}

fn mount_kernel(lower: &Path, root: &Path) -> Result<()> {
    mount(
        Some(lower),
        root,
        Some(kmod::NAME),
        MsFlags::empty(),
        None::<&str>,
    )
    .with_context(|| format!("cannot mount {} on {}", lower.display(), root.display()))
}

/// Mounts `lower` by a FUSE server, which ends when it is unmounted.
pub fn mount_fuse(lower: &Path, root: &Path) -> Result<Child> {
    let log =
        fs::File::create(DAEMON_LOG).with_context(|| format!("cannot create {DAEMON_LOG}"))?;
    let mut daemon = Command::new(TOOL)
        .arg("mount")
        .arg(lower)
        .arg(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot run {TOOL}"))?;
    let mounted = wait_for("the mount by the FUSE driver", FUSE_MOUNTS_WITHIN, || {
        if let Some(status) = daemon.try_wait()? {
            bail!("the FUSE driver ended with {status}: {}", daemon_log());
        }
        Ok(proc::is_mounted(root)?.then_some(()))
    });
    if mounted.is_err() {
        daemon.kill()?;
        daemon.wait()?;
    }
    mounted.map(|()| daemon)
}

/// Stops the driver, so that it answers nothing until it gets SIGCONT. The signal reaches one thread, which has the
/// others stopped when it runs: they may answer until then, so this waits for all.
pub fn stop_fuse(daemon: &Child) -> Result<Pid> {
    let server = Pid::from_raw(daemon.id().try_into()?);
    kill(server, Signal::SIGSTOP).context("cannot stop the FUSE driver")?;
    wait_for("the FUSE driver's stop", FUSE_ENDS_WITHIN, || {
        Ok(has_stopped(server)?.then_some(()))
    })?;
    Ok(server)
}

fn has_stopped(server: Pid) -> Result<bool> {
    for thread in fs::read_dir(format!("/proc/{server}/task"))? {
        let stat = fs::read_to_string(thread?.path().join("stat"))?;
        let state = stat.rsplit(')').next().unwrap_or_default();
        if !state.trim_start().starts_with('T') {
            return Ok(false);
        }
    }
    Ok(true)
}

fn end_daemon(mut daemon: Child) -> Result<()> {
    let ended = wait_for("the FUSE driver's end", FUSE_ENDS_WITHIN, || {
        Ok(daemon.try_wait()?)
    });
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("the FUSE driver ended with {status}: {}", daemon_log()),
        Err(error) => {
            daemon.kill()?;
            daemon.wait()?;
            Err(error)
        }
    }
}

fn daemon_log() -> String {
    let log = fs::read_to_string(DAEMON_LOG).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("; ")
}

fn make_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))
}
