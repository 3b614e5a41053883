// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child process that cannot outlive us, however we end.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, getppid, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal,
};

#[derive(Debug)]
pub(super) struct Child {
    pid: u32,
    pidfd: OwnedFd,
    exit: Receiver<io::Result<ExitStatus>>,
}

impl Child {
    /// Starts `command` so that the kernel kills it when this process dies.
    ///
    /// The kernel ties the child to the thread that forks, so a thread of its own does that and waits for the child.
    pub fn spawn(mut command: Command) -> io::Result<Child> {
        let parent = getpid();
        // A signal from the terminal is for us to act upon.
        command.process_group(0);
        // SAFETY: the closure makes two system calls and touches no memory that another thread may hold locked.
        unsafe {
            command.pre_exec(move || {
                set_parent_process_death_signal(Some(Signal::KILL))?;
                if getppid() != Some(parent) {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                Ok(())
            });
        }
        let (started, has_started) = mpsc::channel();
        let (exited, exit) = mpsc::channel();
        thread::Builder::new()
            .name("child-keeper".to_owned())
            .spawn(move || {
                let child = command.spawn();
                let handle = child.and_then(|child| {
                    let pid = Pid::from_child(&child);
                    Ok((pidfd_open(pid, PidfdFlags::empty())?, child))
                });
                match handle {
                    Ok((pidfd, mut child)) => {
                        // Whoever asked may be gone already; then nobody wants to know.
                        let _ = started.send(Ok((child.id(), pidfd)));
                        let _ = exited.send(child.wait());
                    }
                    Err(error) => {
                        let _ = started.send(Err(error));
                    }
                }
            })?;
        let (pid, pidfd) = has_started.recv().map_err(io::Error::other)??;
        Ok(Child { pid, pidfd, exit })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the end at most for `timeout`.
    pub fn wait(&self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        match self.exit.recv_timeout(timeout) {
            Ok(status) => status.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(gone @ RecvTimeoutError::Disconnected) => Err(io::Error::other(gone)),
        }
    }

    pub fn kill(&self) {
        // That it has ended already is all that can be wrong here.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn the_end_of_a_child_is_seen() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        let child = Child::spawn(command).unwrap();
        let status = child.wait(Duration::from_secs(10)).unwrap().unwrap();
        assert_eq!(status.code(), Some(3));
    }

    #[test]
    fn a_child_outlives_the_thread_that_asked_for_it_and_can_be_killed() {
        let spawn = || {
            let mut command = Command::new("sleep");
            command.arg("60");
            Child::spawn(command).unwrap()
        };
        let child = thread::spawn(spawn).join().unwrap();
        assert!(child.wait(Duration::from_millis(200)).unwrap().is_none());
        child.kill();
        let status = child.wait(Duration::from_secs(10)).unwrap().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL));
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let error = Child::spawn(Command::new("/nonexistent")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
