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

use anyhow::{Context, Result};
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

impl Scratch {
    pub fn new() -> Result<Scratch> {
        let dir = tempfile::Builder::new().prefix("vexfs-validate-").tempdir();
        let dir = dir.context("no temporary directory can be made")?;
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
