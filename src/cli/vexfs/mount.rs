// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs mount`: serve a store through FUSE until it is unmounted or a signal asks to stop.
//! `mount_helper.rs` has what mount(8) calls.

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
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use super::usage::WrongUsage;
use crate::fuse::{Mount, MountOptions, OptionError, Unmounted};
use crate::system::output::tell_without_waiting;
use crate::system::signals;

/// Present the directory STORE at MNT, with searchable vector files
///
/// The mount is served until MNT is unmounted (umount MNT, fusermount3 -u MNT) or the process gets a signal such as
/// SIGINT (Ctrl-C), SIGTERM or SIGHUP, which unmounts it.
///
/// Without root, fusermount3 of the package fuse3 mounts. Then the mount is for this user alone, unless -o allow_other
/// is given and /etc/fuse.conf has user_allow_other. Only this user can create there, and what is created is theirs.
/// Each file that the kernel knows takes a descriptor (ulimit -n).
///
/// As mount.fuse.vexfs, this program is the helper of mount(8): mount -t fuse.vexfs STORE MNT -o OPTIONS. For
/// /etc/fstab: /srv/vectors /mnt/vectors fuse.vexfs ro,nofail 0 0
#[derive(Debug, Args)]
pub struct MountArgs {
    /// The directory to present
    store: PathBuf,
    /// The directory to mount on
    #[arg(value_name = "MNT")]
    mount_point: PathBuf,
    /// Options of mount(8), separated by commas
    ///
    /// ro, rw, noexec, exec; allow_other: for other users, too (always so as root); fsname=NAME: what /proc/mounts
    /// names in the place of STORE; threads=N, exclusive: as --threads, --exclusive.
    ///
    /// nopassthrough: the driver reads and writes plain files, too, where the kernel could do that itself.
    ///
    /// nosuid, nodev and default_permissions are always so.
    #[arg(short, long, value_name = "OPTIONS")]
    options: Vec<String>,
    /// Refuse every change, as -o ro
    #[arg(long)]
    read_only: bool,
    /// Nothing but this mount changes the store, so that the kernel may keep names, attributes and pages
    #[arg(long)]
    exclusive: bool,
    /// Return once the mount is up and serve it from the background
    #[arg(long)]
    background: bool,
    /// Stay in the foreground (the default); systemd is told when the mount is up (Type=notify)
    #[arg(long, conflicts_with = "background")]
    foreground: bool,
    /// Serve this many requests at the same time
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
}

impl MountArgs {
    fn mount_options(&self) -> Result<MountOptions, OptionError> {
        let mut all = MountOptions::new(&self.store, &self.mount_point);
        for options in &self.options {
            all.apply(options)?;
        }
        all.read_only |= self.read_only;
        all.exclusive |= self.exclusive;
        all.threads = self.threads.or(all.threads);
        Ok(all)
    }
}

pub fn run(args: &MountArgs) -> Result<()> {
    let options = args.mount_options().map_err(|error| WrongUsage {
        subcommand: &["mount"],
        fault: error.to_string(),
    })?;
    if args.background {
        return in_background(&options);
    }
    log_to(&STDERR);
    serve(&options, |mount| {
        tell_without_waiting(&format!(
            "serving {}; Ctrl-C unmounts",
            mount.mount_point().display()
        ));
        // Nobody need hear it but systemd, for a service of Type=notify.
        let _ = sd_notify::notify(&[NotifyState::Ready]);
        Ok(())
    })
}

/// Returns when the mount is up; in the background process, when it has ended.
pub fn in_background(options: &MountOptions) -> Result<()> {
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
            serve(options, |_| leave_terminal(tell_ready))
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
