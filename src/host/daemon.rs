// SPDX-License-Identifier: MIT OR Apache-2.0
//! The FUSE driver, mounted on the host for as long as something is measured there.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::system::deadline::Deadline;
use crate::system::proc::is_mounted;

const DEVICE: &str = "/dev/fuse";

/// The time between two looks at the driver.
const LOOK: Duration = Duration::from_millis(5);

const MOUNTS_WITHIN: Duration = Duration::from_secs(10);
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// Checks that this user may open the device; if not, this host cannot be asked to mount at all.
pub fn device() -> Result<(), String> {
    if !Path::new(DEVICE).exists() {
        return Err(format!("this host has no {DEVICE}"));
    }
    match File::options().read(true).write(true).open(DEVICE) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("this user may not open {DEVICE} ({error})")),
    }
}

/// The FUSE driver as a process of its own. It ends with this value, on every way out.
pub struct Daemon {
    process: Child,
    pub mount_point: PathBuf,
}

impl Daemon {
    pub fn mount(tool: &Path, store: &Path, mount_point: &Path) -> Result<Daemon> {
        for dir in [store, mount_point] {
            fs::create_dir(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        }
        let mut command = Command::new(tool);
        command
            .arg("mount")
            .arg(store)
            .arg(mount_point)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command.stderr(Stdio::null());
        // SAFETY: prctl is async-signal-safe and touches nothing of this process.
        unsafe {
            // Should this process be killed, the driver unmounts and ends.
            command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?));
        }
        let process = command
            .spawn()
            .with_context(|| format!("cannot run {}", tool.display()))?;
        let mut daemon = Daemon {
            process,
            mount_point: mount_point.to_owned(),
        };
        let mut deadline = Deadline::looked_at_every(LOOK, MOUNTS_WITHIN);
        while !is_mounted(mount_point)? {
            if let Some(status) = daemon.process.try_wait()? {
                bail!("the FUSE driver ended with {status} before it had mounted");
            }
            ensure!(
                !deadline.is_over(),
                "the FUSE driver had not mounted after {MOUNTS_WITHIN:?}"
            );
            sleep(LOOK);
        }
        Ok(daemon)
    }

    pub fn end(mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("the FUSE driver died midway: {status}");
        }
        kill(Pid::from_raw(self.process.id() as i32), Signal::SIGTERM)?;
        let mut deadline = Deadline::looked_at_every(LOOK, ENDS_WITHIN);
        let status = loop {
            if let Some(status) = self.process.try_wait()? {
                break status;
            }
            ensure!(
                !deadline.is_over(),
                "the FUSE driver still ran {ENDS_WITHIN:?} after SIGTERM"
            );
            sleep(LOOK);
        };
        // A mount is dead shortly before its process can be waited for: one that was killed midway may still seem to run above.
        ensure!(
            status.signal() != Some(Signal::SIGKILL as i32),
            "the FUSE driver died midway: {status}"
        );
        ensure!(
            status.success(),
            "the FUSE driver ended with {status} on SIGTERM"
        );
        ensure!(
            !is_mounted(&self.mount_point)?,
            "{} was still mounted",
            self.mount_point.display()
        );
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Where `end` was reached this finds nothing to do; elsewhere the error that led here is what gets reported.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = umount2(&self.mount_point, MntFlags::MNT_DETACH);
    }
}
