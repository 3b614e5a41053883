// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate shell`

use std::env;
use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::output::{COULD_NOT_RUN, tell};
use crate::bundle::Bundle;
use crate::bundle::busybox;
use crate::bundle::source_tree::SourceTree;
use crate::host::scratch::Scratch;
use crate::host::terminal::{self, Raw};
use crate::machine::accelerator::{Requested, choose, uml_fault};
use crate::machine::qemu::{Mode, Qemu};
use crate::machine::session::{Deadlines, Ending, follow};
use crate::machine::vehicle::Vehicle;
use crate::machine::{Machine, MachineConfig, MachineError, kernel_log, shell_input};
use crate::protocol::run_files::{CONSOLE, KVM_PROBE, UML_PROBE};
use crate::protocol::{Message, Shell, Stream, VERSION};

/// Open a prompt in the guest, or run one command there, with a store that both drivers have mounted
///
/// The prompt says where the store is and what to try; `exit` ends the machine, and so does Ctrl-], three times, even
/// if the guest hangs. Nothing of the guest is kept.
///
/// Exit status: that of the shell or the command, 2 could not run, 10 guest panic, 11 guest oops, 12 guest hung, 13
/// virtual machine lost. What the kernel said of it goes to standard error.
#[derive(Debug, clap::Args)]
pub struct ShellArgs {
    /// What executes the guest's instructions
    #[arg(long, value_enum, default_value = "auto")]
    accel: Wanted,
    /// The bundle to boot [default: out/uml-bundle for User-Mode Linux, out/bundle for all others]
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Run this instead of a prompt, by `sh -c`, without input; its output is ours, and so is its status
    #[arg(long, value_name = "CMD")]
    command: Option<String>,
    /// Seconds without output after which a command is taken for hung
    #[arg(
        long,
        value_name = "SECONDS",
        requires = "command",
        default_value = "180"
    )]
    patience: u64,
    /// The guest's memory
    #[arg(long, value_name = "MIB", default_value = "512")]
    memory: u32,
    /// A static busybox, whose programs the guest gets [default: Debian's, which vm/busybox.json pins]
    #[arg(long, value_name = "FILE")]
    busybox: Option<PathBuf>,
    /// Keep the kernel's log and the messages in this directory [default: they are deleted]
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Wanted {
    /// User-Mode Linux if its bundle is there and works, else KVM if that works, else tcg
    Auto,
    /// User-Mode Linux: there in a second
    Uml,
    /// User-Mode Linux as a debug kernel (KASAN, lockdep, kmemleak, fault injection)
    UmlDebug,
    /// The host's CPU
    Kvm,
    /// Emulation that counts instructions
    Icount,
    /// Emulation in the host's time
    Tcg,
}

const BUNDLE: &str = "out/bundle";
const UML_BUNDLE: &str = "out/uml-bundle";
const DEBUG_BUNDLE: &str = "out/debug-bundle";

/// How long a guest may take until its shell is there, even under icount, and to its end.
const STARTS_WITHIN: Duration = Duration::from_secs(180);
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// A person may be silent for as long as they like: for a year.
const NO_HURRY: Duration = Duration::from_secs(365 * 24 * 3600);

/// So many lines of the kernel's log are shown from a crash on.
const CRASH_LINES: usize = 60;

/// The status after the keys that end the machine: it is lost.
const ENDED_BY_KEYS: u8 = 13;

impl ShellArgs {
    /// Runs the shell and returns the exit status.
    pub fn run(self) -> Result<u8> {
        // What is given to the guest is found before anything is started.
        let busybox = self.busybox()?;
        let scratch = Scratch::new(0)?;
        let (vehicle, bundle) = self.vehicle(scratch.path())?;
        let logs = self.logs.as_deref().unwrap_or(scratch.path());
        let config = MachineConfig {
            memory_mib: self.memory,
            kernel_arguments: Vec::new(),
            logs: logs.to_owned(),
            disk: None,
        };
        let shell = Shell {
            protocol: VERSION,
            command: self.command.clone(),
            terminal: env::var("TERM").unwrap_or_else(|_| "dumb".to_owned()),
            window: terminal::window(),
        };
        let input = shell_input(&shell, busybox);
        let deadlines = Deadlines {
            boot: STARTS_WITHIN,
            message: match self.command {
                Some(_) => Duration::from_secs(self.patience),
                None => NO_HURRY,
            },
            end: ENDS_WITHIN,
        };
        let boot = |terminal: Option<&UnixStream>| {
            let terminal = terminal.map(AsFd::as_fd);
            Machine::boot_at(&vehicle, &bundle, &config, &input, terminal)
        };
        let (ending, status) = match self.command {
            Some(_) => command(boot(None)?, &deadlines)?,
            None => prompt(boot, &deadlines)?,
        };
        told(&ending, status, logs)
    }

    fn busybox(&self) -> Result<Vec<u8>> {
        let path = match &self.busybox {
            Some(file) => file.clone(),
            None => busybox::obtain(&SourceTree::find()?, &|line| {
                tell(&format!("shell: {line}"))
            })
            .context("there is no busybox for the guest: name a static one by --busybox")?,
        };
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// What boots which bundle. Only `auto` and KVM are tried before: all others say themselves what is wrong.
    fn vehicle(&self, logs: &Path) -> Result<(Vehicle, Bundle)> {
        let open = |default: &str| -> Result<Bundle> {
            let path = self.bundle.as_deref().unwrap_or(Path::new(default));
            Ok(Bundle::open(path)?)
        };
        let qemu = |mode| -> Result<_> { Ok((Vehicle::Qemu(Qemu::find()?, mode), open(BUNDLE)?)) };
        match self.accel {
            Wanted::Uml => Ok((Vehicle::Uml, open(UML_BUNDLE)?)),
            Wanted::UmlDebug => Ok((Vehicle::UmlDebug, open(DEBUG_BUNDLE)?)),
            Wanted::Icount => qemu(Mode::Icount),
            Wanted::Tcg => qemu(Mode::Tcg),
            Wanted::Kvm => {
                let bundle = open(BUNDLE)?;
                let choice = choose(Requested::Kvm, &bundle, &logs.join(KVM_PROBE))?;
                Ok((choice.vehicle, bundle))
            }
            Wanted::Auto => {
                if let Ok(bundle) = open(UML_BUNDLE) {
                    match uml_fault(&Vehicle::Uml, &bundle, &logs.join(UML_PROBE)) {
                        Ok(None) => return Ok((Vehicle::Uml, bundle)),
                        // The bundle that was named is for QEMU.
                        Err(MachineError::OtherMachine { .. }) if self.bundle.is_some() => {}
                        Ok(Some(fault)) => {
                            tell(&format!(
                                "shell: User-Mode Linux does not work here: {fault}"
                            ));
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                let bundle = open(BUNDLE)?;
                match choose(Requested::Kvm, &bundle, &logs.join(KVM_PROBE)) {
                    Ok(choice) => Ok((choice.vehicle, bundle)),
                    Err(MachineError::NoKvm { .. }) => {
                        Ok((Vehicle::Qemu(Qemu::find()?, Mode::Tcg), bundle))
                    }
                    Err(error) => Err(error.into()),
                }
            }
        }
    }
}

/// Lends our terminal to the guest until its end.
fn prompt(
    boot: impl FnOnce(Option<&UnixStream>) -> Result<Machine, MachineError>,
    deadlines: &Deadlines,
) -> Result<(Ending, Option<u8>)> {
    let (ours, guests) = UnixStream::pair().context("cannot make a terminal")?;
    let mut machine = boot(Some(&guests))?;
    drop(guests);
    let raw = Raw::enter()?;
    let shown = terminal::relay(ours, raw.clone(), ENDED_BY_KEYS)?;
    let mut status = None;
    let ending = follow(&mut machine, deadlines, |message| {
        if let Message::ShellEnded { status: told } = message {
            status = Some(told);
        }
    })?;
    // With the machine the last end of its terminal goes.
    drop(machine);
    // It cannot fail, and if it did, the ending would be no other.
    let _ = shown.join();
    if let Some(raw) = raw {
        raw.restore();
    }
    Ok((ending, status))
}

/// Hands on the output of a command.
fn command(mut machine: Machine, deadlines: &Deadlines) -> Result<(Ending, Option<u8>)> {
    let mut status = None;
    let mut failed = None;
    let ending = follow(&mut machine, deadlines, |message| match message {
        Message::ShellEnded { status: told } => status = Some(told),
        Message::ShellOutput { stream, hex } => {
            if let Err(error) = pass_on(stream, &hex) {
                failed.get_or_insert(error);
            }
        }
        _ => {}
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok((ending, status)),
    }
}

fn pass_on(stream: Stream, hex: &str) -> Result<()> {
    let bytes = hex::decode(hex).context("the guest sent what is not hexadecimal")?;
    let written = match stream {
        Stream::Out => {
            let mut output = io::stdout();
            output.write_all(&bytes).and_then(|()| output.flush())
        }
        Stream::Error => io::stderr().write_all(&bytes),
    };
    written.context("cannot pass on the command's output")
}

/// Tells how the machine ended, if there is something to tell, and with which status we do.
fn told(ending: &Ending, status: Option<u8>, logs: &Path) -> Result<u8> {
    match (ending, ending.exit_code()) {
        (_, Some(code)) => {
            tell(&format!("vexfs-validate: {ending}"));
            for line in crash(&logs.join(CONSOLE)) {
                tell(&line);
            }
            Ok(code)
        }
        (Ending::GuestError { reason }, _) if reason.contains("plan.json") => {
            bail!("{ending}: it may be too old for a shell, so build the bundle again")
        }
        (Ending::GuestError { .. } | Ending::HostLacks { .. }, _) => bail!("{ending}"),
        _ => Ok(status.unwrap_or(COULD_NOT_RUN)),
    }
}

/// The kernel's log from its crash on.
fn crash(log: &Path) -> Vec<String> {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .skip_while(|line| kernel_log::crash(line).is_none())
        .take(CRASH_LINES)
        .map(|line| line.trim_end().to_owned())
        .collect()
}
