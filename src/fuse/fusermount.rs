// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mounting and unmounting without root: by fusermount3, the program of libfuse that may do both for everybody.

use std::ffi::OsStr;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use thiserror::Error;

/// The program's names: that of libfuse 3, and that of libfuse 2.
const PROGRAMS: [&str; 2] = ["fusermount3", "fusermount"];

/// Names the descriptor of the socket over which the program sends the device.
const SOCKET_VARIABLE: &str = "_FUSE_COMMFD";

/// Why the program did not do what it was asked.
#[derive(Debug, Error)]
pub enum FusermountError {
    #[error("there is no fusermount3, which the package fuse3 has")]
    Missing,
    #[error("{0} cannot be run: {1}")]
    Run(&'static str, io::Error),
    #[error("{0}")]
    Refused(String),
}

/// Mounts, and returns the open device. The mount belongs to the user of this process.
pub(super) fn mount(options: &OsStr, mount_point: &Path) -> Result<OwnedFd, FusermountError> {
    let mut device = None;
    run(|command| {
        let (ours, theirs) = UnixStream::pair()?;
        // As its standard input, which needs no descriptor that every process of ours would inherit.
        command
            .env(SOCKET_VARIABLE, "0")
            .stdin(OwnedFd::from(theirs));
        command.arg("-o").arg(options).arg("--").arg(mount_point);
        let child = command.spawn()?;
        // What is received ends when nobody has the other end any more.
        command.stdin(Stdio::null());
        device = receive(&ours)?;
        child.wait_with_output()
    })?;
    device.ok_or_else(|| FusermountError::Refused("fusermount3 sent no device".to_owned()))
}

/// Unmounts what this user has mounted; `lazily` where it is still in use.
pub(super) fn unmount(mount_point: &Path, lazily: bool) -> Result<(), FusermountError> {
    run(|command| {
        command.stdin(Stdio::null()).arg("-u");
        if lazily {
            command.arg("-z");
        }
        command.arg("--").arg(mount_point).output()
    })
}

/// Runs the program under the first of its names that is there.
fn run(mut with: impl FnMut(&mut Command) -> io::Result<Output>) -> Result<(), FusermountError> {
    for program in PROGRAMS {
        let mut command = Command::new(program);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        match with(&mut command) {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let last = said.trim_end().lines().next_back();
                let reason = last.map_or_else(
                    || format!("{program} ended with {}", output.status),
                    str::to_owned,
                );
                return Err(FusermountError::Refused(reason));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(FusermountError::Run(program, error)),
        }
    }
    Err(FusermountError::Missing)
}

/// The descriptor that comes with one byte; none where the other end is closed without one.
fn receive(socket: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut byte)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )
    })?;
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other("more than one descriptor came"));
    }
    let mut descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok(descriptors.next())
}
