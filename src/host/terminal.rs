// SPDX-License-Identifier: MIT OR Apache-2.0
//! The user's terminal, lent to a guest: raw while it lasts, and as it was however this process ends.
//!
//! No destructor runs in a process that is killed. So a second process, this program as `vexfs-validate
//! restore-terminal`, waits until the first one's end of a pipe is closed.

use std::env;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio, exit};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{SigSet, Signal};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};

use crate::protocol::Window;
use crate::system::output;

/// What the process that restores the terminal says when it can.
const READY: u8 = b'+';

/// What it is told when there is nothing to restore.
const RESTORED: u8 = b'.';

/// A key, Ctrl-], that ends the machine when it is hit so often within so long. The guest gets it, too.
const ESCAPE: u8 = 0x1d;
const ESCAPES: usize = 3;
const ESCAPES_WITHIN: Duration = Duration::from_secs(1);

/// What a terminal sends when a person says that nothing follows.
const END_OF_INPUT: u8 = 4;

/// The size of the terminal, if standard input is one and knows it.
pub fn window() -> Option<Window> {
    let size = tcgetwinsize(io::stdin()).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some(Window {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// A terminal that hands on every key.
pub struct Raw {
    before: Termios,
    keeper: Mutex<Option<Child>>,
}

impl Raw {
    /// Sets the terminal that standard input is, if it is one.
    pub fn enter() -> Result<Option<Arc<Raw>>> {
        let stdin = io::stdin();
        if !isatty(&stdin) {
            return Ok(None);
        }
        let before = tcgetattr(&stdin).context("the terminal's settings cannot be read")?;
        let program = env::current_exe().context("this program cannot be found")?;
        let mut command = Command::new(program);
        command
            .arg("restore-terminal")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stdin.as_fd().try_clone_to_owned()?);
        // Not of our process group: what ends us must not end it.
        command.process_group(0);
        let mut keeper = command
            .spawn()
            .context("the process that restores the terminal cannot be started")?;
        let mut said = [0];
        let output = keeper.stdout.as_mut().context("it has no output")?;
        output
            .read_exact(&mut said)
            .context("the process that restores the terminal is gone")?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Drain, &raw).context("the terminal cannot be set")?;
        Ok(Some(Arc::new(Raw {
            before,
            keeper: Mutex::new(Some(keeper)),
        })))
    }

    /// Makes the terminal what it was, once.
    pub fn restore(&self) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut keeper) = keeper.take() {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
            if let Some(mut input) = keeper.stdin.take() {
                let _ = input.write_all(&[RESTORED]);
            }
            let _ = keeper.wait();
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Waits for the end of standard input, then makes the terminal that standard error is what it was before.
pub fn restore_when_alone() -> Result<()> {
    let terminal = io::stderr();
    let before = tcgetattr(&terminal).context("the terminal's settings cannot be read")?;
    // A process in the background may set a terminal only if this signal does not stop it.
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGTTOU);
    stop.thread_block()?;
    io::stdout().write_all(&[READY])?;
    io::stdout().flush()?;
    let mut told = Vec::new();
    io::stdin().read_to_end(&mut told)?;
    ensure!(
        told.is_empty() || told == [RESTORED],
        "this is not for people"
    );
    if told.is_empty() {
        tcsetattr(&terminal, OptionalActions::Now, &before)?;
    }
    Ok(())
}

/// Passes on what is typed to the guest, and what the guest writes to standard output, until the guest is gone.
/// `escaped` is the status of this process after the keys that end everything.
pub fn relay(guest: UnixStream, raw: Option<Arc<Raw>>, escaped: u8) -> Result<JoinHandle<()>> {
    let to_guest = guest.try_clone()?;
    thread::spawn(move || type_to(to_guest, raw.as_deref(), escaped));
    Ok(thread::spawn(move || show(guest)))
}

fn type_to(mut guest: UnixStream, raw: Option<&Raw>, escaped: u8) {
    let mut buffer = [0; 4096];
    let mut escapes = Escapes::default();
    while let Ok(length @ 1..) = io::stdin().read(&mut buffer) {
        let typed = &buffer[..length];
        if raw.is_some_and(|_| escapes.complete(typed, Instant::now())) {
            raw.inspect(|raw| raw.restore());
            output::tell("\nvexfs-validate: the machine was ended by Ctrl-], three times");
            // The machine does not outlive this process.
            exit(escaped.into());
        }
        if guest.write_all(typed).is_err() {
            return;
        }
    }
    // The guest may be gone, and then needs no more.
    let _ = guest.write_all(&[END_OF_INPUT]);
}

fn show(mut guest: UnixStream) {
    let mut buffer = [0; 4096];
    let mut output = io::stdout();
    while let Ok(length @ 1..) = guest.read(&mut buffer) {
        // Whoever reads this may be gone; the guest need not know.
        let _ = output.write_all(&buffer[..length]);
        let _ = output.flush();
    }
}

/// Counts one key.
#[derive(Default)]
struct Escapes {
    times: Vec<Instant>,
}

impl Escapes {
    /// Whether the key was hit often enough in a row by what was just typed.
    fn complete(&mut self, typed: &[u8], now: Instant) -> bool {
        for &byte in typed {
            if byte == ESCAPE {
                self.times.push(now);
            } else {
                self.times.clear();
            }
            let recent = |time: &Instant| now.duration_since(*time) <= ESCAPES_WITHIN;
            self.times.retain(recent);
            if self.times.len() >= ESCAPES {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_escapes_in_a_row_within_a_second_are_the_end() {
        let now = Instant::now();
        let mut escapes = Escapes::default();
        assert!(!escapes.complete(b"\x1d\x1da\x1d", now));
        assert!(!escapes.complete(b"\x1d", now));
        assert!(!escapes.complete(b"\x1d", now + Duration::from_secs(2)));
        assert!(!escapes.complete(b"\x1d", now + Duration::from_secs(2)));
        assert!(escapes.complete(b"\x1d", now + Duration::from_secs(3)));
    }
}
