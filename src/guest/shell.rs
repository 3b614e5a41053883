// SPDX-License-Identifier: MIT OR Apache-2.0
//! A shell in the guest, for a person or for one command, with a store that both drivers have mounted.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::termios::{Winsize, tcsetwinsize};

use super::debugfs;
use super::hello;
use super::kmod;
use super::mounts::{Mounted, Store};
use super::outlet::Outlet;
use super::port::Port;
use crate::client::Place;
use crate::dataset::fvecs;
use crate::dataset::workload::{Name, Workload};
use crate::protocol::guest_files::{BUSYBOX, SHELL, TERMINAL, UML_TERMINAL};
use crate::protocol::{Message, Shell, Stream, VERSION, Window};
use crate::system::hypervisor;
use crate::system::output::tell;

/// What is in the store, and what to ask of it.
const VECTORS: &str = "vectors.fvecs";
const QUERIES: &str = "queries.fvecs";

/// So many bytes of a command's output are sent at once.
const PIECE: usize = 16 * 1024;

/// How long a command that has ended may leave something unread. What it started may hold its output open for ever.
const LAST_OUTPUT: Duration = Duration::from_millis(100);

/// What the host asks for, if that is a shell.
pub fn asked() -> Result<Option<Shell>> {
    let text = match fs::read(SHELL) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("cannot read {SHELL}"))?,
    };
    let shell: Shell =
        serde_json::from_slice(&text).with_context(|| format!("{SHELL} asks for no shell"))?;
    ensure!(
        shell.protocol == VERSION,
        "the shell is of protocol {}, this guest speaks {VERSION}: build the bundle again",
        shell.protocol
    );
    Ok(Some(shell))
}

/// Mounts a store both ways, runs the shell, and takes everything down again.
pub fn carry_out(asked: &Shell, port: &mut Port) -> Result<()> {
    debugfs::ensure_mounted()?;
    install_programs()?;
    let store = Store::new()?;
    let lower = store.scratch("lower")?;
    fill(&lower)?;
    let mounted = [Place::Kernel, Place::Fuse].map(|place| Mounted::new(place, &lower));
    let [kernel, fuse] = mounted;
    let mounted = [kernel?, fuse?];
    // From now on the host waits for a person.
    port.send(&hello::of("shell")?)?;

    let status = match &asked.command {
        Some(command) => run_command(command, port)?,
        None => prompt(asked, &mounted)?,
    };
    port.send(&Message::ShellEnded {
        status: as_shells_tell(status),
    })?;
    // Whoever was at the prompt may have taken these down already, or still use them.
    for mounted in mounted {
        if let Err(error) = mounted.unmount() {
            tell(&format!("shell: {error:#}"));
        }
    }
    drop(store);
    if let Err(error) = kmod::ensure_unloaded() {
        tell(&format!("shell: {error:#}"));
    }
    port.send(&Message::Done)
}

/// Gives every program of busybox its name. One that is there already keeps its own.
fn install_programs() -> Result<()> {
    let status = Command::new(BUSYBOX)
        .args(["--install", "-s", "/bin"])
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {BUSYBOX}"))?;
    ensure!(
        status.success() || Path::new("/bin/sh").exists(),
        "{BUSYBOX} --install ended with {status}"
    );
    Ok(())
}

/// Puts some vectors into a store, and queries for them.
fn fill(lower: &Path) -> Result<()> {
    let workload = Workload {
        rows: 1000,
        dim: 32,
        queries: 10,
        ..Workload::new(Name::Clustered)
    };
    let vectors = workload.generate()?;
    for (name, rows) in [(VECTORS, &vectors.vectors), (QUERIES, &vectors.queries)] {
        let path = lower.join(name);
        let mut content = Vec::new();
        fvecs::encode(&mut content, rows)?;
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// A shell that a person types at, in a session of its own.
fn prompt(asked: &Shell, mounted: &[Mounted]) -> Result<ExitStatus> {
    let path = if hypervisor::is_user_mode_linux() {
        UML_TERMINAL
    } else {
        TERMINAL
    };
    let mut terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {path}"))?;
    if let Some(Window { rows, columns }) = asked.window {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).with_context(|| format!("cannot set the size of {path}"))?;
    }
    terminal.write_all(banner(mounted).as_bytes())?;
    let ends: [File; 2] = [terminal.try_clone()?, terminal.try_clone()?];
    let [output, error] = ends;
    let mut child = programs("setsid")
        .args(["-c", "sh"])
        .env("TERM", &asked.terminal)
        .stdin(terminal)
        .stdout(output)
        .stderr(error)
        .spawn()
        .context("cannot start a shell")?;
    Ok(child.wait()?)
}

fn banner(mounted: &[Mounted]) -> String {
    let [kernel, fuse] = [0, 1].map(|index| mounted[index].root().display());
    let lower = mounted[0].lower().display();
    format!(
        "VexFS {}: one store, {lower}, mounted by the module on {kernel} and through FUSE on {fuse}\n\
         \n\
         \x20 vexfs search {kernel}/{VECTORS} --query-file {lower}/{QUERIES}\n\
         \x20 vexfs index build {lower}/{VECTORS} --kind hnsw\n\
         \x20 umount {kernel}; rmmod vexfs; dmesg | tail; insmod {}\n\
         \n\
         `busybox` lists the programs; `exit` ends the machine.\n",
        env!("CARGO_PKG_VERSION"),
        kmod::PATH,
    )
}

/// A program of busybox, in an environment for people.
fn programs(name: &str) -> Command {
    let mut command = Command::new(BUSYBOX);
    command
        .arg(name)
        .env("PATH", "/bin")
        .env("HOME", "/")
        .env("PS1", "vexfs:\\w# ")
        .current_dir("/");
    command
}

/// Runs one command and sends what it writes.
fn run_command(command: &str, port: &mut Port) -> Result<ExitStatus> {
    let mut child = programs("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start a shell")?;
    let (sender, receiver) = sync_channel(16);
    let output = child.stdout.take().context("there is no output")?;
    let error = child.stderr.take().context("there is no output")?;
    read(Stream::Out, output, sender.clone());
    read(Stream::Error, error, sender);
    relay(&mut child, &receiver, port)
}

/// Reads a stream of a command in a thread of its own.
fn read(stream: Stream, mut from: impl Read + Send + 'static, to: SyncSender<(Stream, Vec<u8>)>) {
    thread::spawn(move || {
        let mut buffer = [0; PIECE];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if to.send((stream, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
}

fn relay(
    child: &mut Child,
    pieces: &Receiver<(Stream, Vec<u8>)>,
    port: &mut Port,
) -> Result<ExitStatus> {
    let mut ended = None;
    loop {
        match pieces.recv_timeout(LAST_OUTPUT) {
            Ok((stream, bytes)) => port.send(&Message::ShellOutput {
                stream,
                hex: hex::encode(bytes),
            })?,
            Err(RecvTimeoutError::Disconnected) => return Ok(child.wait()?),
            Err(RecvTimeoutError::Timeout) => match ended {
                Some(status) => return Ok(status),
                None => ended = child.try_wait()?,
            },
        }
    }
}

/// A status as a shell tells it.
fn as_shells_tell(status: ExitStatus) -> u8 {
    let number = match status.code() {
        Some(code) => code,
        None => 128 + status.signal().unwrap_or_default(),
    };
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_told_as_a_shell_tells_it() {
        assert_eq!(as_shells_tell(ExitStatus::from_raw(7 << 8)), 7);
        assert_eq!(as_shells_tell(ExitStatus::from_raw(9)), 137);
    }
}
