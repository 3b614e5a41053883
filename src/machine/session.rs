// SPDX-License-Identifier: MIT OR Apache-2.0
//! Follows one run of a machine from its first message to its end, and tells what that end was.

use std::collections::VecDeque;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::kernel_log::{self, Crash};
use super::{Event, Machine, MachineError, uml};
use crate::protocol::{Message, VERSION};

/// How long to wait, in the host's time.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// How long from the start to the guest's first message.
    pub boot: Duration,
    /// How long from one message to the next.
    pub message: Duration,
    /// How long from the last message, or from a crash, to the machine's end.
    pub end: Duration,
}

/// So many lines of the vehicle's own are kept for its last words: the reason may stand before the consequence.
const LAST_WORDS: usize = 2;

/// How a machine ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "kebab-case")]
pub enum Ending {
    /// The guest went through its plan and powered off.
    Completed,
    /// The guest said that it is broken, or said what no guest says.
    GuestError { reason: String },
    /// The kernel met a fault of its own.
    Oops { line: String },
    /// The kernel gave up.
    Panic { line: String },
    /// Nothing came within the deadline, and the machine is still there.
    Hang { after: String, seconds: u64 },
    /// QEMU or User-Mode Linux is gone, or has stopped the machine.
    Lost { how: String },
}

impl Ending {
    /// The status of a command whose machine ended like this, if that outweighs everything else.
    pub fn exit_code(&self) -> Option<u8> {
        match self {
            Ending::Panic { .. } => Some(10),
            Ending::Oops { .. } => Some(11),
            Ending::Hang { .. } => Some(12),
            Ending::Lost { .. } => Some(13),
            Ending::Completed | Ending::GuestError { .. } => None,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Completed => write!(f, "the guest completed its plan"),
            Ending::GuestError { reason } => write!(f, "the guest failed: {reason}"),
            Ending::Oops { line } => write!(f, "the guest's kernel had an oops: {line}"),
            Ending::Panic { line } => write!(f, "the guest's kernel panicked: {line}"),
            Ending::Hang { after, seconds } => {
                write!(f, "the guest hangs: nothing for {seconds} s after {after}")
            }
            Ending::Lost { how } => write!(f, "the machine was lost: {how}"),
        }
    }
}

/// Follows `machine` to its end and hands each message to `on_message`.
pub fn follow(
    machine: &mut Machine,
    deadlines: &Deadlines,
    mut on_message: impl FnMut(Message),
) -> Result<Ending, MachineError> {
    let mut run = Run::new(deadlines, machine.vehicle());
    loop {
        let Some(event) = machine.next(run.since + run.patience)? else {
            return Ok(run.out_of_patience());
        };
        match event {
            Event::Message(line) => {
                if let Some(message) = run.message(&line) {
                    on_message(message);
                }
            }
            Event::Console(line) => run.console(&line),
            Event::Vehicle(line) => {
                if let Some(ending) = run.vehicle_said(line) {
                    return Ok(ending);
                }
            }
            Event::Exited(status) => return Ok(run.exited(status)),
        }
    }
}

/// What is known about a machine so far.
struct Run<'a> {
    vehicle: &'static str,
    deadlines: &'a Deadlines,
    /// What happened last. The next thing is awaited from `since` on, for `patience`.
    after: String,
    since: Instant,
    patience: Duration,
    done: bool,
    crash: Option<Crash>,
    guest_error: Option<String>,
    /// The last lines of the vehicle's own that are out of the ordinary.
    said: VecDeque<String>,
}

impl<'a> Run<'a> {
    fn new(deadlines: &'a Deadlines, vehicle: &'static str) -> Run<'a> {
        Run {
            vehicle,
            deadlines,
            after: format!("{vehicle}'s start"),
            since: Instant::now(),
            patience: deadlines.boot,
            done: false,
            crash: None,
            guest_error: None,
            said: VecDeque::new(),
        }
    }

    fn wait_anew(&mut self, after: String, patience: Duration) {
        self.after = after;
        self.since = Instant::now();
        self.patience = patience;
    }

    fn message(&mut self, line: &str) -> Option<Message> {
        let message: Message = match serde_json::from_str(line) {
            Ok(message) => message,
            Err(error) => {
                self.guest_failed(format!("it sent `{line}`, which is no message ({error})"));
                return None;
            }
        };
        match &message {
            Message::Hello { protocol, .. } if *protocol != VERSION => self.guest_failed(format!(
                "it speaks protocol {protocol}, and this toolkit {VERSION}: build the bundle anew"
            )),
            Message::GuestError { reason } => self.guest_failed(reason.clone()),
            // Nobody types any more.
            Message::ShellEnded { .. } => {
                self.wait_anew("the shell's end".to_owned(), self.deadlines.end);
            }
            Message::Done => {
                self.done = true;
                self.wait_anew("its last message".to_owned(), self.deadlines.end);
            }
            _ => self.wait_anew(format!("`{}`", shortened(line)), self.deadlines.message),
        }
        Some(message)
    }

    fn guest_failed(&mut self, reason: String) {
        self.guest_error.get_or_insert(reason);
        self.wait_anew("its failure".to_owned(), self.deadlines.end);
    }

    fn console(&mut self, line: &str) {
        // A guest that cannot open its port still has the console.
        if let Some((_, reason)) = line.split_once("vexfs-init: ") {
            self.guest_failed(reason.to_owned());
        }
        if self.crash.is_none()
            && let Some(crash) = kernel_log::crash(line)
        {
            self.crash = Some(crash);
            self.wait_anew("the kernel's crash".to_owned(), self.deadlines.end);
        }
    }

    /// Takes a line of the vehicle's. After an internal error of KVM QEMU stays, with a machine that never runs again.
    fn vehicle_said(&mut self, line: String) -> Option<Ending> {
        let fatal = [
            "KVM internal error",
            "KVM: entry failed",
            "error: kvm run failed",
        ];
        if fatal.iter().any(|start| line.starts_with(start)) {
            let how = format!("QEMU stopped it with \"{line}\"");
            return Some(Ending::Lost { how });
        }
        if !uml::is_routine(&line) {
            self.said.push_back(line);
        }
        if self.said.len() > LAST_WORDS {
            self.said.pop_front();
        }
        None
    }

    /// The cause of the end, if one is known: whatever is known explains more than the end itself.
    fn known_cause(&mut self) -> Option<Ending> {
        if let Some(crash) = self.crash.take() {
            return Some(match crash {
                Crash::Oops(line) => Ending::Oops { line },
                Crash::Panic(line) => Ending::Panic { line },
            });
        }
        let reason = self.guest_error.take()?;
        Some(Ending::GuestError { reason })
    }

    fn out_of_patience(mut self) -> Ending {
        self.known_cause().unwrap_or(Ending::Hang {
            after: self.after,
            seconds: self.patience.as_secs(),
        })
    }

    fn exited(mut self, status: ExitStatus) -> Ending {
        if let Some(ending) = self.known_cause() {
            return ending;
        }
        if status.success() && self.done {
            return Ending::Completed;
        }
        let vehicle = self.vehicle;
        let mut how = match (status.signal(), status.code()) {
            (Some(signal), _) => format!("{vehicle} was killed by signal {signal}"),
            (None, Some(0)) => format!("the guest powered off early, after {}", self.after),
            (None, code) => format!("{vehicle} ended with status {}", code.unwrap_or_default()),
        };
        if !self.said.is_empty() {
            let said = Vec::from(self.said).join("; ");
            how.push_str(&format!("; it said \"{said}\""));
        }
        Ending::Lost { how }
    }
}

/// The beginning of a line, which tells which message it is: a message can be a megabyte.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINES: Deadlines = Deadlines {
        boot: Duration::from_secs(10),
        message: Duration::from_secs(20),
        end: Duration::from_secs(30),
    };

    fn run() -> Run<'static> {
        Run::new(&DEADLINES, "QEMU")
    }

    fn exit(code: i32) -> ExitStatus {
        ExitStatus::from_raw(code << 8)
    }

    #[test]
    fn completed_takes_both_the_last_message_and_a_clean_exit() {
        let mut done = run();
        done.message(r#"{"message":"done"}"#).unwrap();
        assert_eq!(done.exited(exit(0)), Ending::Completed);

        let mut killed = run();
        killed.message(r#"{"message":"done"}"#).unwrap();
        let how = "QEMU was killed by signal 9".to_owned();
        assert_eq!(killed.exited(ExitStatus::from_raw(9)), Ending::Lost { how });

        let early = run().exited(exit(0)).to_string();
        assert!(early.contains("powered off early"), "{early}");
    }

    #[test]
    fn a_crash_outweighs_what_the_guest_said_before_and_after() {
        let mut run = run();
        run.message(r#"{"message":"done"}"#).unwrap();
        run.console("[    9.1] Kernel panic - not syncing: Fatal exception");
        let line = "[    9.1] Kernel panic - not syncing: Fatal exception".to_owned();
        assert_eq!(run.exited(exit(0)), Ending::Panic { line });
    }

    #[test]
    fn an_oops_is_not_hidden_by_the_panic_that_it_causes() {
        let mut run = run();
        run.console("[    9.0] kernel BUG at kernel/file.c:12!");
        run.console("[    9.1] Kernel panic - not syncing: Fatal exception");
        assert!(matches!(run.exited(exit(0)), Ending::Oops { line } if line.contains("file.c:12")));
    }

    #[test]
    fn a_hang_names_the_last_message_and_the_deadline() {
        let mut run = run();
        run.message(r#"{"message":"step-started","step":"cycles"}"#)
            .unwrap();
        let said = run.out_of_patience().to_string();
        assert!(said.contains("step-started"), "{said}");
        assert!(said.contains("nothing for 20 s"), "{said}");
    }

    #[test]
    fn a_guest_that_talks_nonsense_or_another_protocol_has_failed() {
        let mut nonsense = run();
        assert!(nonsense.message("{half").is_none());
        assert!(matches!(
            nonsense.exited(exit(0)),
            Ending::GuestError { .. }
        ));

        let mut stranger = run();
        stranger.message(
            r#"{"message":"hello","protocol":999,"run_id":"r","kernel_release":"6","toolkit_version":"0"}"#,
        );
        let said = stranger.exited(exit(0)).to_string();
        assert!(said.contains("protocol 999"), "{said}");
    }

    #[test]
    fn a_guest_without_a_port_is_heard_on_the_console() {
        let mut mute = run();
        mute.console("[    1.4] vexfs-init: there is no port");
        let reason = "there is no port".to_owned();
        assert_eq!(mute.exited(exit(0)), Ending::GuestError { reason });
    }

    #[test]
    fn an_internal_error_of_kvm_is_the_end() {
        let ending = run().vehicle_said("KVM internal error. Suberror: 3".into());
        assert!(matches!(ending, Some(Ending::Lost { .. })));
        let mut failed = run();
        assert_eq!(
            failed.vehicle_said("qemu: could not load kernel".into()),
            None
        );
        let said = failed.exited(exit(1)).to_string();
        assert!(said.contains("could not load kernel"), "{said}");
    }
}
