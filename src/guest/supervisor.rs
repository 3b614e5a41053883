// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs a step in a child process, with a deadline, and puts the guest back in order after it.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::STEP_PROGRAM;
use super::outlet::Outlet;
use crate::protocol::{Failure, Message, Outcome, Plan, Step};
use crate::system::deadline::{Deadline, wait_for};
use crate::system::proc;

/// Where init notes what steps left behind, for the last step to report.
pub const LEFTOVERS_PATH: &str = "/tmp/leftovers";

const DIES_WITHIN: Duration = Duration::from_secs(10);

/// The number of elements of vectors for which a step has a second more. An icount second is 10^9 instructions.
const ELEMENTS_A_SECOND: u64 = 5_000;

/// The number of cycles for which a step has a second more.
const CYCLES_A_SECOND: u32 = 2;

/// The number of changes by fsx for which a step has a second more.
const FSX_A_SECOND: u64 = 200;

/// The number of hostile ioctls for which a step has a second more, and as how many of them a hostile file counts.
const IOCTLS_A_SECOND: u64 = 200;
const HOSTILE_FILE: u64 = 20;

/// The time between two looks at a step that says nothing: so short that its deadline counts all of it.
const LOOK_MS: u8 = 20;

/// How long a step may take, by the guest's clock without the time that its host had no CPU for it. The limits are
/// generous for the slowest accelerator that runs the full plan.
pub fn time_limit(step: Step, plan: &Plan) -> Duration {
    let seconds = match step {
        Step::Identity | Step::Module | Step::Calls | Step::After => 60,
        Step::Files | Step::Errors | Step::Concurrency | Step::Watchers => 180,
        Step::Survivors | Step::Writing => 120,
        Step::Stacking | Step::Failing => 900,
        Step::Hostile => {
            900 + plan.hostile.map_or(0, |plan| {
                (plan.ioctls + HOSTILE_FILE * plan.files) / IOCTLS_A_SECOND
            })
        }
        Step::Cycles => 900 + u64::from(plan.cycles / CYCLES_A_SECOND),
        Step::Peers => 3600,
        Step::Suites => {
            900 + plan
                .suites
                .map_or(0, |plan| plan.fsx_operations / FSX_A_SECOND)
        }
        Step::Workload | Step::Indexes => {
            let elements = plan.workload.rows() as u64 * plan.workload.dim() as u64;
            900 + elements / ELEMENTS_A_SECOND
        }
    };
    Duration::from_secs(seconds)
}

/// Runs the step and relays its progress. The answer is its [`Message::StepFinished`]; an error means that the guest is
/// broken.
pub fn run(step: Step, plan: &Plan, outlet: &mut dyn Outlet) -> Result<Message> {
    let begun = Instant::now();
    let limit = time_limit(step, plan);
    let look = Duration::from_millis(LOOK_MS.into());
    let mut deadline = Deadline::looked_at_every(look, limit);
    let mut child = Command::new("/proc/self/exe")
        .arg0(STEP_PROGRAM)
        .arg(step.name())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start step {step}"))?;
    let mut output = Output::new(child.stdout.take().context("the step has no output")?);

    let mut finished = None;
    let ended = loop {
        match output.next_line(&mut deadline)? {
            Next::Line(line) => match serde_json::from_slice(&line)? {
                message @ (Message::Progress { .. }
                | Message::Working { .. }
                | Message::Stored { .. }) => {
                    outlet.send(&message)?;
                }
                message @ Message::StepFinished { .. } => finished = Some(message),
                other => bail!("step {step} sent {other:?}"),
            },
            Next::End => break true,
            Next::Deadline => break false,
        }
    };
    let pid = Pid::from_raw(i32::try_from(child.id())?);
    if ended {
        note_leftovers(step, pid)?;
    }
    let status = clear_away(pid, ended)?;

    Ok(match finished {
        Some(message) if ended => message,
        _ => Message::StepFinished {
            step,
            elapsed_ns: u64::try_from(begun.elapsed().as_nanos())?,
            outcome: Outcome::Failed(Failure {
                reason: if ended {
                    format!("step {step} ended without a result: {status}")
                } else {
                    format!(
                        "step {step} was not done after {} s: {status}",
                        limit.as_secs()
                    )
                },
                errno: None,
            }),
        },
    })
}

/// The lines that a child writes.
struct Output<R> {
    pipe: R,
    buffered: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Line(Vec<u8>),
    End,
    Deadline,
}

impl<R: Read + AsFd> Output<R> {
    fn new(pipe: R) -> Self {
        Output {
            pipe,
            buffered: Vec::new(),
        }
    }

    fn next_line(&mut self, deadline: &mut Deadline) -> Result<Next> {
        loop {
            if let Some(end) = self.buffered.iter().position(|&byte| byte == b'\n') {
                let rest = self.buffered.split_off(end + 1);
                return Ok(Next::Line(std::mem::replace(&mut self.buffered, rest)));
            }
            let over = deadline.is_over();
            match poll(
                &mut [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)],
                PollTimeout::from(if over { 0 } else { LOOK_MS }),
            ) {
                Ok(0) if over => return Ok(Next::Deadline),
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error).context("cannot wait for a step"),
            }
            let mut chunk = [0; 65536];
            match self.pipe.read(&mut chunk)? {
                0 => return Ok(Next::End),
                length => self.buffered.extend_from_slice(&chunk[..length]),
            }
        }
    }
}

/// Notes processes and mounts that a step left behind although it came to its end.
fn note_leftovers(step: Step, pid: Pid) -> Result<()> {
    let mut notes = String::new();
    for (other, command) in proc::user_processes()? {
        if other != pid.as_raw() {
            notes += &format!("process {command} (after {step})\n");
        }
    }
    for point in step_mounts()? {
        notes += &format!("mount {point} (after {step})\n");
    }
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(LEFTOVERS_PATH)?;
    Ok(file.write_all(notes.as_bytes())?)
}

fn step_mounts() -> Result<Vec<String>> {
    let mounts = proc::mounts()?;
    let points = mounts
        .iter()
        .map(|mount| mount.mount_point.display().to_string());
    Ok(points
        .filter(|point| point.starts_with("/mnt/") || point.starts_with("/store"))
        .collect())
}

/// Kills every process but init, reaps them, unmounts what is left. The answer says how the step's process ended.
fn clear_away(step: Pid, ended: bool) -> Result<String> {
    // A step that has closed its output is about to exit by itself: its own status is worth knowing.
    let mut status = ended.then(|| reap_within(step)).transpose()?.flatten();
    match kill(Pid::from_raw(-1), Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => return Err(error).context("cannot kill what a step left running"),
    }
    if status.is_none() {
        status = reap_within(step)?;
    }
    reap_all()?;
    for point in step_mounts()?.iter().rev() {
        umount2(point.as_str(), MntFlags::MNT_DETACH)
            .with_context(|| format!("cannot unmount {point}"))?;
    }
    Ok(match status {
        Some(WaitStatus::Exited(_, code)) => format!("its process exited with {code}"),
        Some(WaitStatus::Signaled(_, signal, _)) => format!("its process was killed by {signal}"),
        _ => "its process cannot be killed, so it hangs in the kernel".to_owned(),
    })
}

/// Waits for a child's end, for a while.
fn reap_within(pid: Pid) -> Result<Option<WaitStatus>> {
    let reaped = wait_for("a step's process", DIES_WITHIN, || {
        match waitpid(pid, Some(WaitPidFlag::WNOHANG))? {
            WaitStatus::StillAlive => Ok(None),
            status => Ok(Some(status)),
        }
    });
    Ok(reaped.ok())
}

/// Reaps the orphans that init has inherited. One that takes time to die is reaped after the next step.
fn reap_all() -> Result<()> {
    loop {
        match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("cannot reap"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::pipe;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_millis(20))
    }

    #[test]
    fn lines_come_whole_however_they_were_written() {
        let (reader, mut writer) = pipe().unwrap();
        let mut output = Output::new(reader);
        writer.write_all(b"first\nsec").unwrap();
        assert_eq!(
            output.next_line(&mut soon()).unwrap(),
            Next::Line(b"first\n".into())
        );
        assert_eq!(output.next_line(&mut soon()).unwrap(), Next::Deadline);
        writer.write_all(b"ond\n").unwrap();
        drop(writer);
        assert_eq!(
            output.next_line(&mut soon()).unwrap(),
            Next::Line(b"second\n".into())
        );
        assert_eq!(output.next_line(&mut soon()).unwrap(), Next::End);
    }
}
