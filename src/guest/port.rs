// SPDX-License-Identifier: MIT OR Apache-2.0
//! The port that carries the messages to the host: of virtio-serial, or a serial line in User-Mode Linux.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

use super::outlet::Outlet;
use crate::protocol::Message;
use crate::protocol::guest_files::{PORT_NAME, SERIAL_LINE};
use crate::system::deadline::wait_for;
use crate::system::hypervisor;

const APPEARS_WITHIN: Duration = Duration::from_secs(20);

pub struct Port {
    device: File,
}

impl Port {
    /// Finds the port and opens it.
    pub fn open() -> Result<Self> {
        if hypervisor::is_user_mode_linux() {
            return Port::open_line(Path::new(SERIAL_LINE));
        }
        let path = wait_for(
            &format!("virtio-serial port {PORT_NAME}"),
            APPEARS_WITHIN,
            || find(Path::new("/sys/class/virtio-ports")),
        )?;
        let device = OpenOptions::new()
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Port { device })
    }

    /// Opens a serial line, which then hands on every byte as it is.
    fn open_line(path: &Path) -> Result<Self> {
        let device = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NOCTTY)
            .open(path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let raw = tcgetattr(&device).and_then(|mut settings| {
            cfmakeraw(&mut settings);
            tcsetattr(&device, SetArg::TCSANOW, &settings)
        });
        raw.with_context(|| format!("cannot set up {}", path.display()))?;
        Ok(Port { device })
    }
}

impl Outlet for Port {
    fn send(&mut self, message: &Message) -> Result<()> {
        write_message(&mut self.device, message).context("cannot write to the port for messages")
    }
}

/// Writes one line of JSON, in one write where the receiver takes it whole.
pub fn write_message(to: &mut impl Write, message: &Message) -> Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    Ok(to.flush()?)
}

fn find(class: &Path) -> Result<Option<PathBuf>> {
    let Ok(entries) = fs::read_dir(class) else {
        return Ok(None);
    };
    for entry in entries {
        let entry = entry?;
        let name = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
        let device = Path::new("/dev").join(entry.file_name());
        if name.trim_end() == PORT_NAME && device.exists() {
            return Ok(Some(device));
        }
    }
    Ok(None)
}
