// SPDX-License-Identifier: MIT OR Apache-2.0
//! A place in which an ordinary user may mount: a user namespace of their own, in which they are root, with mounts of its own that
//! nobody else sees and that go with its last process.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::unistd::{getegid, geteuid};

/// Lets `command` start as root of such a namespace, and end when this thread does. Where the system does not let this user
/// have one, it does not start.
pub fn enter(command: &mut Command) {
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

/// Whether mounting is really allowed in there; some systems give a namespace but no rights in it. Changes nothing but that no mount
/// reaches this namespace from outside any more.
pub fn may_mount() -> bool {
    let none = None::<&str>;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, "/", none, flags, none).is_ok()
}
