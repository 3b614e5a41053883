// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one place that says how User-Mode Linux is called (`docs/machine.md` says why).

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::protocol::guest_files::{CUT_DISK, PEERS_DISK};

/// The signals by which a kernel ends that touches a page of its memory for which the host has no room: before it has a
/// console, and after.
const NO_ROOM: [i32; 2] = [libc::SIGBUS, libc::SIGABRT];

/// Where a kernel has its memory if nobody names another directory.
const SHARED_MEMORY: &str = "/dev/shm";

/// The variables in which a kernel looks for a directory for its memory, in its order.
const MEMORY_DIRECTORY: [&str; 3] = ["TMPDIR", "TMP", "TEMP"];

/// The number of tmpfs in a `statfs`.
const TMPFS: i64 = 0x0102_1994;

/// Arguments by which an oops ends the run at once, and a reboot is an end.
const KERNEL_ARGUMENTS: [&str; 6] = [
    "rdinit=/init",
    "noreboot",
    "oops=panic",
    "panic=-1",
    // Its clock is the host's: a kernel that gets no CPU would take that for a lock-up. A real one is a hang.
    "nosoftlockup",
    MEMORY_IS_KEPT,
];

/// Arguments of a debug kernel. The first report must not be the only one: one at boot would use it up.
/// SLUB's own poison and red zones hide what KASAN sees better.
const DEBUG_ARGUMENTS: [&str; 2] = ["kasan_multi_shot", "slab_debug=-"];

/// A variable for all programs of the guest, by which they keep memory that they have freed. A page that is touched for
/// the first time stops its process several times here, as a system call does.
const MEMORY_IS_KEPT: &str = "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=33554432:\
    glibc.malloc.trim_threshold=1073741824:glibc.malloc.top_pad=16777216";

/// A directory that is there and in which nothing can be made: the kernel would leave files in one where it can.
const STATE_DIRECTORY: &str = "/proc/self/fd/";

/// Everything that a kernel is told.
#[derive(Debug)]
pub(super) struct Hardware<'a> {
    /// Whether the kernel is a debug kernel.
    pub debug: bool,
    pub memory_mib: u32,
    pub kernel: &'a Path,
    pub initrd: &'a Path,
    /// A file for the console: it takes everything at once.
    pub console: BorrowedFd<'a>,
    /// A pipe for the serial line with the messages: the kernel cannot open a line to a file.
    pub port: BorrowedFd<'a>,
    /// The terminal of a shell.
    pub terminal: Option<BorrowedFd<'a>>,
    /// A disk, and whether the guest may write to it.
    pub disk: Option<(&'a Path, bool)>,
    pub kernel_arguments: &'a [String],
}

impl Hardware<'_> {
    /// The command. The descriptors must be open until it has started.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.kernel);
        command.args(self.arguments());
        // What is there by the name of a default disk is none of the kernel's business.
        command.current_dir("/");
        if named_memory_directory().is_none() {
            for variable in MEMORY_DIRECTORY {
                command.env_remove(variable);
            }
        }
        let inherited = [Some(self.console), Some(self.port), self.terminal];
        let inherited = inherited.map(|file| file.map(|file| file.as_raw_fd()));
        // SAFETY: the closure makes system calls and touches no memory that another thread may hold locked.
        unsafe { command.pre_exec(move || prepare(inherited)) };
        command
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = KERNEL_ARGUMENTS.map(OsString::from).into();
        if self.debug {
            arguments.extend(DEBUG_ARGUMENTS.map(OsString::from));
        }
        arguments.push(format!("mem={}M", self.memory_mib).into());
        arguments.push(format!("uml_dir={STATE_DIRECTORY}").into());
        let mut with_path = |start: &str, path: &Path, end: &str| {
            let mut argument = OsString::from(start);
            argument.push(path);
            argument.push(end);
            arguments.push(argument);
        };
        with_path("initrd=", self.initrd, "");
        match self.disk {
            // Read only, no copy on write, no lock; behind it the serial number.
            Some((disk, false)) => with_path("ubd0rds=", disk, &format!(",,{PEERS_DISK}")),
            // No copy on write. It is locked: nobody else may still write to it.
            Some((disk, true)) => with_path("ubd0d=", disk, &format!(",,{CUT_DISK}")),
            None => {}
        }
        for (lines, first, file) in [("con", "con0", self.console), ("ssl", "ssl0", self.port)] {
            arguments.push(format!("{lines}=null").into());
            arguments.push(format!("{first}=null,fd:{}", file.as_raw_fd()).into());
        }
        if let Some(terminal) = self.terminal {
            arguments.push(format!("con1=fd:{}", terminal.as_raw_fd()).into());
        }
        arguments.extend(self.kernel_arguments.iter().map(OsString::from));
        arguments
    }
}

/// What the kernel's process does before it is the kernel.
fn prepare(inherited: [Option<i32>; 3]) -> io::Result<()> {
    for file in inherited.into_iter().flatten() {
        // SAFETY: this process has these descriptors from its parent, which holds them open.
        let file = unsafe { BorrowedFd::borrow_raw(file) };
        fcntl_setfd(file, FdFlags::empty())?;
    }
    // On two processors every system call would wake one that has gone to sleep, which costs ten times the call.
    stay_on_one_processor()?;
    // A panic is an abort, and no core is to be left.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    // Where this is forbidden, the gap between a random heap and the program costs memory, and that is all.
    // SAFETY: the call takes a number.
    unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) };
    Ok(())
}

/// Confines this process, and all that it starts, to the last of the processors that it may use.
fn stay_on_one_processor() -> io::Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut only = CpuSet::new();
    if let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|&cpu| allowed.is_set(cpu)) {
        only.set(last);
        sched_setaffinity(None, &only)?;
    }
    Ok(())
}

/// The directory that the user names for such files, if it is in memory. On a disk the guest's memory would be written
/// out again and again.
fn named_memory_directory() -> Option<PathBuf> {
    let named = MEMORY_DIRECTORY
        .iter()
        .filter_map(env::var_os)
        .find(|value| !value.is_empty())?;
    let about = rustix::fs::statfs(&named).ok()?;
    (about.f_type == TMPFS).then(|| named.into())
}

/// Says so where a kernel may have ended since its memory had no room. It has given back what it had.
pub(super) fn without_memory(status: ExitStatus, memory_mib: u32) -> Option<String> {
    let signal = status.signal().filter(|signal| NO_ROOM.contains(signal))?;
    let directory = named_memory_directory().unwrap_or_else(|| SHARED_MEMORY.into());
    let about = rustix::fs::statvfs(&directory).ok()?;
    let room_mib = about.f_bavail.saturating_mul(about.f_frsize) >> 20;
    (room_mib < memory_mib.into()).then(|| {
        format!(
            "the kernel was killed by signal {signal}, and {} has room for {room_mib} of the {memory_mib} MiB of the \
             guest's memory: enlarge it, or name another tmpfs in TMPDIR",
            directory.display()
        )
    })
}

/// Whether a line of the kernel's program before it has a console tells of what went well.
pub(super) fn is_routine(line: &str) -> bool {
    let start = [
        "Core dump limits",
        "\tsoft - ",
        "\thard - ",
        "Adding ",
        "Checking environment variables",
        // It looks for files of its own where there can be none.
        "remove_umid_dir",
    ];
    line.is_empty() || line.ends_with("OK") || start.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;

    #[test]
    fn what_a_user_adds_comes_last() {
        let file = File::open("/dev/null").unwrap();
        let hardware = Hardware {
            debug: false,
            memory_mib: 1024,
            kernel: Path::new("k"),
            initrd: Path::new("i"),
            console: file.as_fd(),
            port: file.as_fd(),
            terminal: None,
            disk: Some((Path::new("/d"), false)),
            kernel_arguments: &["rdinit=/other".to_owned()],
        };
        let arguments = hardware.arguments();
        let words: Vec<_> = arguments
            .iter()
            .map(|word| word.to_str().unwrap())
            .collect();
        assert_eq!(words.last(), Some(&"rdinit=/other"));
        for wanted in ["mem=1024M", "initrd=i", "ubd0rds=/d,,vexfs-peers"] {
            assert!(words.contains(&wanted), "{words:?}");
        }
    }

    #[test]
    fn only_what_went_wrong_is_told() {
        assert!(is_routine("Checking PROT_EXEC mmap in /dev/shm...OK"));
        assert!(!is_routine("/mnt must be not mounted noexec"));
    }
}
