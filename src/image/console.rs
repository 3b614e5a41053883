// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every console of the machine, serial or screen, for a person who watches.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How long a console may take nothing. After that it has nobody behind it, and is written to no more.
const PATIENCE: Duration = Duration::from_secs(3);

pub struct Console {
    devices: Mutex<Vec<File>>,
    begun: Instant,
}

impl Console {
    /// Opens the consoles that the kernel writes to, too.
    pub fn open() -> Console {
        let active = fs::read_to_string("/sys/class/tty/console/active").unwrap_or_default();
        let devices = active.split_whitespace().filter_map(|name| {
            OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
                .open(Path::new("/dev").join(name))
                .ok()
        });
        Console {
            devices: Mutex::new(devices.collect()),
            begun: Instant::now(),
        }
    }

    /// Shows one line of progress.
    pub fn say(&self, line: &str) {
        self.show(&format!(
            "{:7.1} s  {line}\n",
            self.begun.elapsed().as_secs_f64()
        ));
    }

    /// Shows a text as it is.
    pub fn show(&self, text: &str) {
        let mut devices = self.devices.lock().unwrap_or_else(|lock| lock.into_inner());
        devices.retain_mut(|device| write(device, text.as_bytes()).is_ok());
    }
}

fn write(device: &mut File, mut text: &[u8]) -> io::Result<()> {
    while !text.is_empty() {
        match device.write(text) {
            Ok(count) => text = &text[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
                let mut ready = [PollFd::new(device.as_fd(), PollFlags::POLLOUT)];
                if poll(&mut ready, timeout)? == 0 {
                    return Err(ErrorKind::TimedOut.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
