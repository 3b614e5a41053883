// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a program prints. No program ends because nobody can read what it prints.

use std::io::{self, ErrorKind, Write};

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Prints text on standard output. A reader that stops listening (`| head`) is not an error of ours.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written"),
    }
}

/// Prints a line on standard output.
pub fn print_line(line: &str) -> anyhow::Result<()> {
    print(&format!("{line}\n"))
}

/// Says a line on standard error, such as a warning. If that cannot be done, the work goes on all the same.
pub fn tell(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Says a line on standard error, unless that would mean to wait for whoever reads it.
pub fn tell_without_waiting(line: &str) {
    let stderr = io::stderr();
    let mut asked = [PollFd::new(&stderr, PollFlags::OUT)];
    let now = Timespec::default();
    if poll(&mut asked, Some(&now)).is_ok_and(|ready| ready > 0) {
        tell(line);
    }
}
