// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs mount`: serve a store through FUSE until it is unmounted or a signal asks to stop.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::exit;

use anyhow::{Context, Result};
use clap::Args;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::syslog::{Facility, Priority, Severity, syslog};
use nix::unistd::{ForkResult, Pid, fork, setsid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::fuse::{Mount, MountOptions, Unmounted};
use crate::system::output::tell_without_waiting;
use crate::system::signals;

/// Present the directory STORE at MNT, with searchable vector files
///
/// The mount is served until MNT is unmounted (umount MNT) or the process gets a signal such as SIGINT (Ctrl-C),
/// SIGTERM or SIGHUP, which unmounts it.
#[derive(Debug, Args)]
pub struct MountArgs {
    /// The directory to present
    store: PathBuf,
    /// The directory to mount on
    #[arg(value_name = "MNT")]
    mount_point: PathBuf,
    /// Refuse every change
    #[arg(long)]
    read_only: bool,
    /// Return once the mount is up and serve it from the background
    #[arg(long)]
    background: bool,
    /// Stay in the foreground (the default)
    #[arg(long, conflicts_with = "background")]
    foreground: bool,
    /// Serve this many requests at the same time
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
}

pub fn run(args: &MountArgs) -> Result<()> {
    let options = MountOptions {
        store: args.store.clone(),
        mount_point: args.mount_point.clone(),
        read_only: args.read_only,
        threads: args.threads,
    };
    if !args.background {
        log_to(&STDERR);
        return serve(&options, |mount| {
            tell_without_waiting(&format!(
                "serving {}; Ctrl-C unmounts",
                mount.mount_point().display()
            ));
            Ok(())
        });
    }
    let (ready, tell_ready) = std::io::pipe().context("no pipe for the background process")?;
    // SAFETY: no thread has been started, so the child may go on as if nothing had happened.
    match unsafe { fork() }.context("the background process cannot be started")? {
        ForkResult::Parent { child } => {
            drop(tell_ready);
            await_background(child, ready)
        }
        ForkResult::Child => {
            drop(ready);
            setsid()?;
            log_to(&SYSLOG);
            serve(&options, |_| leave_terminal(tell_ready))
        }
    }
}

/// The signals that would end the process, and leave a dead mount: they unmount instead.
const ENDS: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

fn serve(options: &MountOptions, when_up: impl FnOnce(&Mount) -> Result<()>) -> Result<()> {
    abort_on_panic();
    let ends = signals::not_ignored(&ENDS);
    let mut signals = Signals::new(ends).context("signals cannot be handled")?;
    let handle = signals.handle();
    let mount = Mount::new(options, move || handle.close())?;
    when_up(&mount)?;
    match signals.forever().next() {
        Some(_) => {
            let name = mount.mount_point().to_owned();
            let lost = match mount.unmount()? {
                Unmounted::Clean => return Ok(()),
                Unmounted::InUse => "the files that are open there",
                Unmounted::HeldElsewhere => "what other mount namespaces see of it",
            };
            tell_without_waiting(&format!(
                "{} was still in use: it is unmounted, and {lost} can no longer be reached",
                name.display()
            ));
            Ok(())
        }
        None => Ok(mount.wait()?),
    }
}

/// Where warnings go, for example about a malformed index.
struct Log {
    write: fn(&str),
}

static STDERR: Log = Log {
    // A thread that waits here answers no request.
    write: tell_without_waiting,
};

static SYSLOG: Log = Log {
    write: |line| {
        let priority = Priority::new(Severity::LOG_WARNING, Facility::LOG_DAEMON);
        // There is nobody left to tell.
        let _ = syslog(priority, line);
    },
};

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        // Only what we say ourselves, to whoever runs the mount.
        metadata.target().starts_with("vexfs")
    }

    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            (self.write)(&format!("vexfs: {}", record.args()));
        }
    }

    fn flush(&self) {}
}

fn log_to(log: &'static Log) {
    // A second logger is refused, and there is no second mount in this process.
    if log::set_logger(log).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

/// Ends the process when a thread panics. A request whose thread is gone would never be answered; without the process
/// it fails at once.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        std::process::abort();
    }));
}

/// Returns when the mount is up. If it fails, the background process has said why, and this process ends with its exit
/// code.
fn await_background(child: Pid, mut ready: PipeReader) -> Result<()> {
    let mut byte = [0];
    if ready
        .read(&mut byte)
        .context("the background process cannot be watched")?
        == 1
    {
        return Ok(());
    }
    match waitpid(child, None)? {
        WaitStatus::Exited(_, code) => exit(code),
        _ => anyhow::bail!("the background process died before the mount was up"),
    }
}

/// Lets go of the terminal and all else of the process that started us, and reports that the mount is up.
fn leave_terminal(mut tell_ready: PipeWriter) -> Result<()> {
    std::env::set_current_dir("/")?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    tell_ready.write_all(b"1")?;
    Ok(())
}
