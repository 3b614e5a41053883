// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory to work in that is gone however this process ends.
//!
//! No destructor runs in a process that is killed. So a second process, this program as `vexfs-validate sweep DIR`,
//! waits until the first one's end of a pipe is closed, which the kernel does in any case. Then it tidies up.

use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};

use crate::system::proc::is_mounted;

pub const STORE: &str = "store";
pub const MOUNT_POINT: &str = "mnt";

/// How long a driver that was told to stop may take to unmount by itself.
const UNMOUNTS_WITHIN: Duration = Duration::from_secs(5);

pub struct Scratch {
    path: PathBuf,
    sweeper: Child,
}

/// The room that is left where a filesystem is full.
const FULL: u64 = 1 << 20;

impl Scratch {
    /// Makes the directory where there is room for `needed` bytes.
    pub fn new(needed: u64) -> Result<Scratch> {
        let parent = std::env::temp_dir();
        let dir = tempfile::Builder::new().prefix("vexfs-validate-").tempdir();
        let dir = dir.with_context(|| {
            format!(
                "no temporary directory can be made in {}: name another one by TMPDIR",
                parent.display()
            )
        })?;
        let free = free(dir.path())?;
        ensure!(
            free >= needed,
            "{} has {} MiB free, of {} that are needed: make room there, or name another directory by TMPDIR",
            parent.display(),
            free >> 20,
            needed.div_ceil(1 << 20)
        );
        let program = std::env::current_exe().context("this program cannot be found")?;
        let mut command = Command::new(program);
        command
            .arg("sweep")
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Not of our process group: Ctrl-C is for us.
        command.process_group(0);
        let sweeper = command
            .spawn()
            .context("the process that tidies up cannot be started")?;
        Ok(Scratch {
            path: dir.keep(),
            sweeper,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why something that failed here may have failed for want of room, if that is so.
    pub fn out_of_room(&self) -> Option<String> {
        let free = free(&self.path).ok()?;
        (free < FULL).then(|| {
            format!(
                "{} has {} KiB free: make room there, or name another directory by TMPDIR",
                std::env::temp_dir().display(),
                free >> 10
            )
        })
    }
}

/// The bytes that are free on a directory's filesystem.
fn free(dir: &Path) -> Result<u64> {
    let about = rustix::fs::statvfs(dir)
        .with_context(|| format!("cannot ask how much room {} has", dir.display()))?;
    Ok(about.f_bavail * about.f_frsize)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Closes the pipe, too.
        let _ = self.sweeper.wait();
    }
}

/// Waits for the end of standard input, then unmounts and removes `dir`.
pub fn sweep(dir: &Path) -> Result<()> {
    io::stdin()
        .read_to_end(&mut Vec::new())
        .context("standard input cannot be read")?;
    let mount_point = dir.join(MOUNT_POINT);
    let deadline = Instant::now() + UNMOUNTS_WITHIN;
    while is_mounted(&mount_point)? {
        if Instant::now() > deadline {
            match umount2(&mount_point, MntFlags::MNT_DETACH) {
                Ok(()) | Err(Errno::EINVAL) => break,
                Err(errno) => {
                    return Err(errno)
                        .with_context(|| format!("cannot unmount {}", mount_point.display()));
                }
            }
        }
        sleep(Duration::from_millis(20));
    }
    fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))
}
