// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child process that cannot outlive us, however we end, and neither can what it starts.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpgrp, getpid, getppid,
    kill_current_process_group, kill_process_group, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal, waitid,
};

#[derive(Debug)]
pub(super) struct Child {
    pid: u32,
    pidfd: OwnedFd,
    exit: Receiver<io::Result<ExitStatus>>,
}

impl Child {
    /// Starts `command` so that the kernel kills it when this process dies.
    pub fn spawn(command: Command) -> io::Result<Child> {
        Child::start(command, false)
    }

    /// Starts `command` so that its whole process group is killed when it ends, or when this process does. A keeper in
    /// the group looks after that.
    pub fn spawn_group(command: Command) -> io::Result<Child> {
        Child::start(command, true)
    }

    /// The kernel ties the child to the thread that forks, so a thread of its own does that and waits for the child.
    fn start(mut command: Command, whole_group: bool) -> io::Result<Child> {
        let parent = getpid();
        // A signal from the terminal is for us to act upon.
        command.process_group(0);
        // SAFETY: the closure makes system calls and touches no memory that another thread may hold locked.
        unsafe {
            command.pre_exec(move || {
                set_parent_process_death_signal(Some(Signal::KILL))?;
                if getppid() != Some(parent) {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                if whole_group {
                    fork_keeper(parent)?;
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
                        if whole_group {
                            kill_group_after(Pid::from_child(&child));
                        }
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

/// Waits for the end of a group's leader and kills the group. The leader is not reaped before that, so that its number
/// cannot be anybody else's.
fn kill_group_after(leader: Pid) {
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(leader), ended), Err(Errno::INTR)) {}
    // That all have ended already is all that can be wrong here.
    let _ = kill_process_group(leader, Signal::KILL);
}

/// Forks a process that kills this process group when `parent` is gone.
fn fork_keeper(parent: Pid) -> io::Result<()> {
    let parent = pidfd_open(parent, PidfdFlags::empty())?;
    let leader = getpid();
    // SAFETY: there is one thread in this process, and the new one makes nothing but system calls.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => keep(parent.as_fd(), leader),
        _ => Ok(()),
    }
}

/// The life of the keeper. It holds open nothing but `parent`, and heeds no signal but the one that kills.
fn keep(parent: BorrowedFd, leader: Pid) -> ! {
    let number = parent.as_raw_fd().cast_unsigned();
    // SAFETY: the calls take numbers and a signal set that is there; nothing in this process uses a closed file.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
        if number > 0 {
            libc::close_range(0, number - 1, 0);
        }
        libc::close_range(number + 1, u32::MAX, 0);
    }
    let mut gone = [PollFd::new(&parent, PollFlags::IN)];
    while poll(&mut gone, None) == Err(Errno::INTR) {}
    // Another group than the child's is none of its business.
    if getpgrp() == leader {
        let _ = kill_current_process_group(Signal::KILL);
    }
    // SAFETY: the call takes a number.
    unsafe { libc::_exit(0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::process::ExitStatusExt;
    use std::time::Instant;

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

    /// The processes of a group that have not ended.
    fn group(leader: u32) -> usize {
        let processes = fs::read_dir("/proc").unwrap();
        let stats = processes
            .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("stat")).ok());
        stats
            .filter(|stat| {
                let mut fields = stat.rsplit(')').next().unwrap().split_whitespace();
                let state = fields.next().unwrap();
                state != "Z" && fields.nth(1).unwrap() == leader.to_string()
            })
            .count()
    }

    fn becomes(leader: u32, processes: usize) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while group(leader) != processes {
            assert!(Instant::now() < deadline, "{} are left", group(leader));
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_group_ends_with_its_leader() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & sleep 60 & read never <&3; exit 3"]);
        command.stdin(std::process::Stdio::null());
        let child = Child::spawn_group(command).unwrap();
        let status = child.wait(Duration::from_secs(10)).unwrap().unwrap();
        assert_eq!(status.code(), Some(3));
        becomes(child.pid(), 0);
    }

    #[test]
    fn a_group_can_be_killed_even_without_its_keeper() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & wait"]);
        let child = Child::spawn_group(command).unwrap();
        // The shell, what it runs, and the keeper.
        becomes(child.pid(), 3);
        child.kill();
        let status = child.wait(Duration::from_secs(10)).unwrap().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL));
        becomes(child.pid(), 0);
    }
}
