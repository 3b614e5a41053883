// SPDX-License-Identifier: MIT OR Apache-2.0
//! A user namespace in which an ordinary user may mount. They are root there, and nobody else sees its mounts, which go
//! with its last process.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, ensure};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::unistd::{getegid, geteuid};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub const NO_RIGHT: &str =
    "mounting takes root, or a user namespace, which this system does not give to this user";

/// Starts this program in such a namespace, with a command that reads a request from its standard input and writes what
/// came of it to its standard output. An error says why this user gets no namespace.
pub fn start(command: &str) -> Result<Child, String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("this program cannot be found ({error})"))?;
    let mut process = Command::new(program);
    process
        .arg(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    enter(&mut process);
    process
        .spawn()
        .map_err(|error| format!("{NO_RIGHT} ({error})"))
}

/// Has a process carry out a request.
pub fn ask<T: DeserializeOwned>(process: Child, request: &impl Serialize) -> Result<T> {
    ask_with(process, |input| Ok(serde_json::to_writer(input, request)?))
}

/// Has a process carry out a request that is more than JSON; `write` writes it.
pub fn ask_with<T: DeserializeOwned>(
    mut process: Child,
    write: impl FnOnce(ChildStdin) -> Result<()>,
) -> Result<T> {
    let input = process.stdin.take().context("it has no standard input")?;
    let asked = write(input);
    let output = process.wait_with_output()?;
    ensure!(
        output.status.success(),
        "the process in a user namespace ended with {}",
        output.status
    );
    asked.context("the process in a user namespace did not read what it was asked")?;
    serde_json::from_slice(&output.stdout)
        .context("the process in a user namespace did not answer what it was asked")
}

/// Lets `command` start as root of a new user namespace, and end when this thread does. It does not start where the
/// system does not let this user have such a namespace.
fn enter(command: &mut Command) {
    let maps = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {} 1", geteuid())),
        ("/proc/self/gid_map", format!("0 {} 1", getegid())),
    ];
    let start = move || -> io::Result<()> {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        for (file, text) in &maps {
            fs::write(file, text)?;
        }
        // After the change of credentials, which would clear it.
        Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?)
    };
    // SAFETY: between fork and exec only system calls are made; the paths are short enough for `fs::write` not to allocate.
    unsafe {
        command.pre_exec(start);
    }
}

/// Whether mounting is really allowed in the namespace; some systems give one but no rights in it. The only effect is
/// that no mount reaches this namespace from outside any more.
pub fn may_mount() -> bool {
    let none = None::<&str>;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, "/", none, flags, none).is_ok()
}
