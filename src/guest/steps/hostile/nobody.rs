// SPDX-License-Identifier: MIT OR Apache-2.0
//! A process of a user without privileges.

use std::fs::File;
use std::io::{Read, Write};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork, pipe, setgroups, setresgid, setresuid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::protocol::Outcome;

/// The user and the group that own nothing.
pub const NOBODY: u32 = 65_534;

/// A process of nobody, and what it says when it is done.
pub struct Nobody {
    pid: Pid,
    answer: File,
}

impl Nobody {
    /// Starts one that does `work`. Before that it does `first`, with the rights of this process, which has one thread.
    pub fn start<T: Serialize>(
        first: impl FnOnce() -> Result<()>,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<Nobody> {
        let (reads, writes) = pipe()?;
        // SAFETY: this process has one thread, so the child may do what it could.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Nobody {
                pid: child,
                answer: reads.into(),
            }),
            ForkResult::Child => {
                drop(reads);
                let done = first().and_then(|()| become_nobody()).and_then(|()| work());
                let said = serde_json::to_vec(&Outcome::from(done)).unwrap_or_default();
                let told = File::from(writes).write_all(&said);
                // SAFETY: the process ends here, and leaves what belongs to its parent as it is.
                unsafe { libc::_exit(i32::from(told.is_err())) }
            }
        }
    }

    /// Waits for its end.
    pub fn end<T: DeserializeOwned>(mut self) -> Result<T> {
        let mut said = Vec::new();
        self.answer.read_to_end(&mut said)?;
        match waitpid(self.pid, None)? {
            WaitStatus::Exited(_, 0) => {}
            WaitStatus::Signaled(_, signal, _) => {
                bail!("the user's process was killed by {signal}")
            }
            status => bail!("the user's process ended with {status:?}"),
        }
        let outcome: Outcome<T> =
            serde_json::from_slice(&said).context("the user's process said nothing")?;
        match outcome {
            Outcome::Ok { data } => Ok(data),
            Outcome::Failed(failure) => Err(anyhow!("{failure}")),
        }
    }
}

/// Does `work` as nobody, and waits for its end.
pub fn as_nobody<T: Serialize + DeserializeOwned>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    Nobody::start(|| Ok(()), work)?.end()
}

fn become_nobody() -> Result<()> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user).context("cannot become nobody")?;
    // Whoever changes the user loses both: to end with the parent, and to write the maps of a user namespace.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    Ok(prctl::set_dumpable(true)?)
}
