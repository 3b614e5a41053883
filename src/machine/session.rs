// SPDX-License-Identifier: MIT OR Apache-2.0
//! Follows one run of a machine from its first message to its end, and tells what that end was.

use std::collections::VecDeque;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::kernel_log::{self, Crash};
use super::silence::{Silence, Threads};
use super::{Event, Machine, MachineError, uml};
use crate::protocol::{Message, VERSION};
use crate::system::proc;
use crate::system::scheduler::{self, Tasks};

/// How long a guest may be silent that could speak.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// How long from the start to the guest's first message.
    pub boot: Duration,
    /// How long from one message to the next.
    pub message: Duration,
    /// How long from the last message, or from a crash, to the machine's end.
    pub end: Duration,
}

/// The host may take so many times as long to give a guest what a deadline means.
const HOST_PATIENCE: u32 = 10;

/// A silence is looked at so often within its deadline.
const LOOKS: u32 = 20;

/// The times between two looks.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
const MOST_PAUSE: Duration = Duration::from_secs(1);

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
    /// The host did not give the machine what it needs: nothing is known of the guest.
    HostLacks { what: String },
}

impl Ending {
    /// The status of a command whose machine ended like this, if that outweighs everything else.
    pub fn exit_code(&self) -> Option<u8> {
        match self {
            Ending::Panic { .. } => Some(10),
            Ending::Oops { .. } => Some(11),
            Ending::Hang { .. } => Some(12),
            Ending::Lost { .. } => Some(13),
            Ending::Completed | Ending::GuestError { .. } | Ending::HostLacks { .. } => None,
        }
    }

    /// Whether the host is to blame, and not what ran on it.
    pub fn is_of_the_host(&self) -> bool {
        matches!(self, Ending::HostLacks { .. })
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
            Ending::HostLacks { what } => {
                write!(f, "the host did not give the machine what it needs: {what}")
            }
        }
    }
}

/// Follows `machine` to its end and hands each message to `on_message`.
pub fn follow(
    machine: &mut Machine,
    deadlines: &Deadlines,
    mut on_message: impl FnMut(Message),
) -> Result<Ending, MachineError> {
    let mut run = Run::new(deadlines, machine.vehicle(), machine.threads());
    loop {
        if let Some(event) = machine.next(run.next_look)? {
            let message = match event {
                Event::Message(line) => run.message(&line),
                Event::Console(line) => run.console(&line),
                Event::Vehicle(line) => match run.vehicle_said(line) {
                    Some(ending) => return Ok(ending),
                    None => None,
                },
                Event::Exited(status) => {
                    run.host_lacks_at_the_end = machine.without_memory(status);
                    return Ok(run.exited(status));
                }
            };
            message.into_iter().for_each(&mut on_message);
        } else {
            run.look(&machine.tasks(), scheduler::stolen());
            // What came while this process itself had to wait is read before that is taken for an end.
            if run.is_over() && !machine.has_more()? {
                return Ok(run.out_of_patience());
            }
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
    threads: Threads,
    silence: Silence,
    next_look: Instant,
    done: bool,
    /// Whether the guest's kernel has powered off. What comes then is the vehicle's own end.
    powered_off: bool,
    crash: Option<Crash>,
    guest_error: Option<String>,
    /// What the host was without.
    host_lacks: Option<String>,
    /// What it was without as the vehicle ended, which a known cause outweighs.
    host_lacks_at_the_end: Option<String>,
    /// How often the host's kernel had killed for want of memory, before; none where it does not tell.
    oom_kills: Option<u64>,
    /// The last lines of the vehicle's own that are out of the ordinary.
    said: VecDeque<String>,
}

impl<'a> Run<'a> {
    fn new(deadlines: &'a Deadlines, vehicle: &'static str, threads: Threads) -> Run<'a> {
        let since = Instant::now();
        Run {
            vehicle,
            deadlines,
            after: format!("{vehicle}'s start"),
            since,
            patience: deadlines.boot,
            threads,
            silence: Silence::new(threads),
            next_look: since + pause(deadlines.boot),
            done: false,
            powered_off: false,
            crash: None,
            guest_error: None,
            host_lacks: None,
            host_lacks_at_the_end: None,
            oom_kills: proc::oom_kills().ok(),
            said: VecDeque::new(),
        }
    }

    fn wait_anew(&mut self, after: String, patience: Duration) {
        self.after = after;
        self.since = Instant::now();
        self.patience = patience;
        self.silence = Silence::new(self.threads);
        self.next_look = self.since + pause(patience);
    }

    fn look(&mut self, tasks: &Tasks, stolen: Duration) {
        let now = Instant::now();
        self.silence.look(now - self.since, tasks, stolen);
        self.next_look = now + pause(self.patience);
    }

    /// Whether the guest has been silent too long, or the host has given it too little for too long.
    fn is_over(&self) -> bool {
        let silent = self.since.elapsed();
        self.silence.counts(silent) >= self.patience || silent >= self.patience * HOST_PATIENCE
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

    fn console(&mut self, line: &str) -> Option<Message> {
        if kernel_log::is_without_memory(line) {
            self.host_lacks.get_or_insert(line.to_owned());
        }
        self.powered_off |= line.ends_with("reboot: Power down");
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
        None
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
        if kernel_log::is_without_memory(&line) {
            self.host_lacks.get_or_insert(line.clone());
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
        // A kernel without memory crashes, whatever module it has.
        if let Some(what) = self.host_lacks.take() {
            return Some(Ending::HostLacks { what });
        }
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
        if let Some(cause) = self.known_cause() {
            return cause;
        }
        let silent = self.since.elapsed();
        let counts = self.silence.counts(silent);
        if counts < self.patience {
            return Ending::HostLacks {
                what: format!(
                    "a CPU for {} s of the {} s after {}, in which it ran for {:.1} s",
                    (silent - counts).as_secs(),
                    silent.as_secs(),
                    self.after,
                    self.silence.ran().as_secs_f64()
                ),
            };
        }
        Ending::Hang {
            after: self.after,
            seconds: self.patience.as_secs(),
        }
    }

    fn exited(mut self, status: ExitStatus) -> Ending {
        if let Some(ending) = self.known_cause() {
            return ending;
        }
        // User-Mode Linux was seen to abort after that, without a word; a panic says so. Why it did was not found.
        let aborted = self.threads == Threads::InTurn && status.signal() == Some(libc::SIGABRT);
        if self.done && (status.success() || self.powered_off && aborted) {
            return Ending::Completed;
        }
        let lacking = self.host_lacks_at_the_end.take();
        if let Some(what) = lacking.or_else(|| self.without_memory(status, proc::oom_kills().ok()))
        {
            return Ending::HostLacks { what };
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

    /// Whether it ended for want of memory, in words: it says so itself, or the host's kernel has killed meanwhile.
    fn without_memory(&self, status: ExitStatus, oom_kills: Option<u64>) -> Option<String> {
        let vehicle = self.vehicle;
        let refused = self.said.iter().find(|line| {
            let words = ["Cannot allocate memory", "No space left on device"];
            words.iter().any(|words| line.contains(words))
        });
        if let Some(line) = refused {
            return Some(format!("{vehicle} said \"{line}\""));
        }
        let killed = status.signal() == Some(libc::SIGKILL);
        (killed && oom_kills > self.oom_kills).then(|| {
            format!("{vehicle} was killed, and the host's kernel has killed for want of memory")
        })
    }
}

/// The time from one look at a silence to the next.
fn pause(patience: Duration) -> Duration {
    (patience / LOOKS).clamp(LEAST_PAUSE, MOST_PAUSE)
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
    use crate::system::scheduler::Task;

    const DEADLINES: Deadlines = Deadlines {
        boot: Duration::from_secs(10),
        message: Duration::from_secs(20),
        end: Duration::from_secs(30),
    };

    fn run() -> Run<'static> {
        Run::new(&DEADLINES, "QEMU", Threads::SideBySide)
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
        run.since -= DEADLINES.message;
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
    fn a_silence_of_a_guest_that_had_no_cpu_is_the_hosts() {
        let mut starved = run();
        starved.since -= DEADLINES.boot * HOST_PATIENCE;
        let waits = |seconds| {
            let waited = Duration::from_secs(seconds);
            let runnable = true;
            Tasks::from([(
                7,
                Task {
                    waited,
                    runnable,
                    ..Task::default()
                },
            )])
        };
        starved
            .silence
            .look(Duration::ZERO, &waits(0), Duration::ZERO);
        starved.look(&waits(95), Duration::ZERO);
        assert!(starved.is_over());
        let ending = starved.out_of_patience();
        assert!(ending.is_of_the_host() && ending.exit_code().is_none());
        let said = ending.to_string();
        assert!(
            said.contains("a CPU for 95 s of the 100 s after QEMU's start"),
            "{said}"
        );

        let mut slow = run();
        slow.since -= DEADLINES.boot * 2;
        slow.silence.look(Duration::ZERO, &waits(0), Duration::ZERO);
        slow.look(&waits(15), Duration::ZERO);
        assert!(!slow.is_over());
        let mut hangs = run();
        hangs.since -= DEADLINES.boot * 2;
        hangs
            .silence
            .look(Duration::ZERO, &waits(0), Duration::ZERO);
        hangs.look(&waits(10), Duration::ZERO);
        assert!(hangs.is_over());
        assert!(matches!(
            hangs.out_of_patience(),
            Ending::Hang { seconds: 10, .. }
        ));
    }

    #[test]
    fn an_end_for_want_of_memory_is_the_hosts() {
        let mut refused = run();
        let line = "qemu: cannot set up guest memory 'pc.ram': Cannot allocate memory";
        refused.vehicle_said(line.into());
        let ending = refused.exited(exit(1));
        assert!(
            ending.is_of_the_host() && ending.to_string().contains(line),
            "{ending}"
        );

        let killed = ExitStatus::from_raw(9);
        let run = Run {
            oom_kills: Some(4),
            ..run()
        };
        assert!(run.without_memory(killed, Some(5)).is_some());
        assert_eq!(run.without_memory(killed, Some(4)), None);
        assert_eq!(run.without_memory(exit(1), Some(5)), None);
    }

    #[test]
    fn an_abort_after_the_guest_has_powered_off_is_no_loss() {
        let ending = |done: bool, lines: &[&str], threads| {
            let mut run = Run { threads, ..run() };
            run.done = done;
            lines.iter().for_each(|line| drop(run.console(line)));
            run.exited(ExitStatus::from_raw(libc::SIGABRT))
        };
        let off = "[    0.450000] reboot: Power down";
        let panic = "[    0.460000] Kernel panic - not syncing: Kernel mode signal 11";
        assert_eq!(ending(true, &[off], Threads::InTurn), Ending::Completed);
        let lost = |ending| matches!(ending, Ending::Lost { .. });
        assert!(lost(ending(true, &[], Threads::InTurn)));
        assert!(lost(ending(false, &[off], Threads::InTurn)));
        assert!(lost(ending(true, &[off], Threads::SideBySide)));
        let crashed = ending(true, &[off, panic], Threads::InTurn);
        assert!(matches!(crashed, Ending::Oops { .. }), "{crashed}");
    }

    #[test]
    fn a_crash_for_want_of_the_hosts_memory_is_no_crash() {
        let crashes = [
            (
                "[ 3.1] Bus error - the host /dev/shm or /tmp mount likely just ran out of space",
                "[ 3.1] Kernel panic - not syncing: Kernel mode signal 7",
            ),
            (
                "[ 3.1] UML ran out of memory on the host side! This can happen due to a memory limitation or \
                 vm.max_map_count has been reached.",
                "[ 3.1] Kernel panic - not syncing: Kernel tried to access user memory at addr 0xccfc0000, ip 0x6055c138",
            ),
        ];
        for (cause, consequence) in crashes {
            let mut run = run();
            run.console(cause);
            run.console(consequence);
            let ending = run.exited(ExitStatus::from_raw(6));
            assert!(ending.is_of_the_host(), "{ending}");
        }
    }

    #[test]
    fn a_kernel_without_memory_and_without_a_console_is_the_hosts() {
        let mut run = run();
        run.vehicle_said("<3>[    0.000000] Bus error - the host /dev/shm or /tmp mount".into());
        let ending = run.exited(ExitStatus::from_raw(6));
        assert!(ending.is_of_the_host(), "{ending}");
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
