// SPDX-License-Identifier: MIT OR Apache-2.0
//! The virtual machine: QEMU or User-Mode Linux, their accelerators, console and deadlines (`docs/machine.md`).

pub mod accelerator;
mod child;
mod error;
pub mod kernel_log;
pub mod memory;
pub mod qemu;
pub mod session;
mod silence;
mod tail;
mod uml;
pub mod vehicle;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, OFlags, fcntl_setfl, memfd_create};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::bundle::Bundle;
use crate::bundle::initramfs::Archive;
use crate::dataset::fvecs;
use crate::dataset::workload::Vectors;
use crate::protocol::guest_files::{BUSYBOX, PLAN, QUERIES, SHELL, VECTORS};
use crate::protocol::run_files::{CONSOLE, MESSAGES};
use crate::protocol::{Plan, Shell};
use crate::system::scheduler::{self, Tasks};
use child::Child;
pub use error::MachineError;
use silence::Threads;
use tail::Tail;
use vehicle::Vehicle;

/// What is done with all that a machine writes.
const READ_OR_KEEP: &str = "read what the machine wrote, or keep it in its logs";

/// How long to sleep between two looks at what the guest wrote.
const POLL: Duration = Duration::from_millis(10);

/// How long a killed vehicle may take to be gone.
const DIES_WITHIN: Duration = Duration::from_secs(10);

/// What distinguishes one boot from another.
#[derive(Debug, Clone)]
pub struct MachineConfig {
    pub memory_mib: u32,
    /// Arguments for the kernel's command line, behind those that every machine has.
    pub kernel_arguments: Vec<String>,
    /// The directory that receives `console.log`, `messages.jsonl` and `qemu.log` or `uml.log`.
    pub logs: PathBuf,
    pub disk: Option<Disk>,
}

/// A disk of the guest.
#[derive(Debug, Clone)]
pub enum Disk {
    /// The disk with the peers, which the guest can only read.
    Peers(PathBuf),
    /// A disk that the guest writes to, and that outlives it. User-Mode Linux alone has one.
    Written(PathBuf),
}

impl Disk {
    fn path(&self) -> &Path {
        match self {
            Disk::Peers(path) | Disk::Written(path) => path,
        }
    }

    fn is_written(&self) -> bool {
        matches!(self, Disk::Written(_))
    }

    fn open(&self) -> io::Result<File> {
        File::options()
            .read(true)
            .write(self.is_written())
            .open(self.path())
    }
}

/// Something that a machine did.
#[derive(Debug)]
pub enum Event {
    /// A line on the port for messages.
    Message(String),
    /// A line on the console.
    Console(String),
    /// A line that the vehicle itself wrote.
    Vehicle(String),
    /// The end of the vehicle; nothing follows.
    Exited(ExitStatus),
}

/// A running machine. It ends when this value is dropped, or when this process dies of whatever cause. The files that
/// it shares with this process vanish with both.
#[derive(Debug)]
pub struct Machine {
    vehicle: &'static str,
    threads: Threads,
    memory_mib: u32,
    child: Child,
    exited: Option<ExitStatus>,
    messages: Tail,
    console: Tail,
    said: Tail,
    /// The initramfs, and below it the disk: files that stay open, since closed they would be gone before the vehicle
    /// has read them.
    _initrd: File,
    _disk: Option<File>,
}

impl Machine {
    /// Starts a bundle. The guest finds `input` when it boots: what arrived later would arrive at a time of the host's
    /// making.
    pub fn boot(
        vehicle: &Vehicle,
        bundle: &Bundle,
        config: &MachineConfig,
        input: &Archive,
    ) -> Result<Machine, MachineError> {
        Machine::boot_at(vehicle, bundle, config, input, None)
    }

    /// Starts a bundle whose guest has `terminal`, a socket or a pseudoterminal, as its terminal.
    pub fn boot_at(
        vehicle: &Vehicle,
        bundle: &Bundle,
        config: &MachineConfig,
        input: &Archive,
        terminal: Option<BorrowedFd<'_>>,
    ) -> Result<Machine, MachineError> {
        vehicle.check(bundle)?;
        let initrd = initrd(bundle, input)?;
        let [console, said] = ["console", "said"].map(shared_file);
        let (console, said) = (console?, said?);

        fs::create_dir_all(&config.logs)
            .map_err(io_error(|| format!("create {}", config.logs.display())))?;
        let log = |name: &str| {
            let path = config.logs.join(name);
            File::create(&path).map_err(io_error(|| format!("create {}", path.display())))
        };

        let written = config.disk.as_ref().is_some_and(Disk::is_written);
        let disk = config.disk.as_ref().map(|disk| {
            let path = disk.path().display();
            disk.open().map_err(io_error(|| format!("open {path}")))
        });
        let disk = disk.transpose()?;
        let kernel = std::path::absolute(bundle.kernel())
            .map_err(io_error(|| "find the kernel".to_owned()))?;
        let (initrd_path, disk_path) =
            (path_for_others(&initrd), disk.as_ref().map(path_for_others));
        let stderr = said
            .try_clone()
            .map_err(io_error(|| "share a file".to_owned()))?;
        let start = |mut command: Command, how: fn(Command) -> io::Result<Child>| {
            command.stdin(Stdio::null()).stderr(stderr);
            how(command).map_err(io_error(|| format!("start {}", vehicle.name())))
        };
        let messages;
        let child = match vehicle {
            Vehicle::Qemu(..) if written => return Err(MachineError::NoWrittenDisk),
            Vehicle::Qemu(qemu, mode) => {
                let port = shared_file("messages")?;
                let mut command = qemu.command(&qemu::Hardware {
                    mode: *mode,
                    memory_mib: config.memory_mib,
                    kernel: &kernel,
                    initrd: &initrd_path,
                    console: &path_for_others(&console),
                    port: &path_for_others(&port),
                    terminal,
                    disk: disk_path.as_deref(),
                    kernel_arguments: &config.kernel_arguments,
                });
                command.stdout(Stdio::null());
                messages = Tail::new(port, log(MESSAGES)?);
                start(command, Child::spawn)?
            }
            Vehicle::Uml | Vehicle::UmlDebug => {
                let (reader, port) = message_pipe()?;
                let mut command = uml::Hardware {
                    debug: matches!(vehicle, Vehicle::UmlDebug),
                    memory_mib: config.memory_mib,
                    kernel: &kernel,
                    initrd: &initrd_path,
                    console: console.as_fd(),
                    port: port.as_fd(),
                    terminal,
                    disk: disk_path.as_deref().map(|path| (path, written)),
                    kernel_arguments: &config.kernel_arguments,
                }
                .command();
                // A kernel that panics before it has a console writes its log there.
                let stdout = said.try_clone();
                command.stdout(stdout.map_err(io_error(|| "share a file".to_owned()))?);
                messages = Tail::of_pipe(reader, log(MESSAGES)?);
                start(command, Child::spawn_group)?
            }
        };
        Ok(Machine {
            vehicle: vehicle.name(),
            threads: match vehicle {
                Vehicle::Qemu(..) => Threads::SideBySide,
                Vehicle::Uml | Vehicle::UmlDebug => Threads::InTurn,
            },
            memory_mib: config.memory_mib,
            child,
            exited: None,
            messages,
            console: Tail::new(console, log(CONSOLE)?),
            said: Tail::new(said, log(vehicle.log())?),
            _initrd: initrd,
            _disk: disk,
        })
    }

    /// Takes the power away: the vehicle and all that belongs to it is killed. What it wrote to a disk stays there.
    pub fn cut(mut self) -> Result<(), MachineError> {
        self.child.kill();
        let ended = self.child.wait(DIES_WITHIN);
        self.exited = ended.map_err(io_error(|| format!("wait for {}", self.vehicle)))?;
        // A process that is being killed may still be at its last write.
        let begun = Instant::now();
        while !scheduler::of_group(self.pid()).is_empty() && begun.elapsed() < DIES_WITHIN {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// The vehicle's process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// What the vehicle is called.
    pub fn vehicle(&self) -> &'static str {
        self.vehicle
    }

    /// How its threads share their work.
    fn threads(&self) -> Threads {
        self.threads
    }

    /// Says so where the vehicle may have ended since the host had no room for the guest's memory.
    fn without_memory(&self, status: ExitStatus) -> Option<String> {
        match self.threads {
            // QEMU says so itself.
            Threads::SideBySide => None,
            Threads::InTurn => uml::without_memory(status, self.memory_mib),
        }
    }

    /// The vehicle's threads, as this host's scheduler sees them.
    fn tasks(&self) -> Tasks {
        match self.threads {
            Threads::SideBySide => scheduler::of_process(self.pid()),
            Threads::InTurn => scheduler::of_group(self.pid()),
        }
    }

    /// The next event, or none if there is none before `deadline`.
    pub fn next(&mut self, deadline: Instant) -> Result<Option<Event>, MachineError> {
        loop {
            self.read().map_err(io_error(|| READ_OR_KEEP.to_owned()))?;
            if let Some(event) = self.next_read() {
                return Ok(Some(event));
            }
            if let Some(status) = self.exited {
                return Ok(Some(Event::Exited(status)));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            self.exited = self
                .child
                .wait(POLL)
                .map_err(io_error(|| format!("wait for {}", self.vehicle)))?;
        }
    }

    /// Whether there is something that [`Machine::next`] would return at once.
    fn has_more(&mut self) -> Result<bool, MachineError> {
        self.read().map_err(io_error(|| READ_OR_KEEP.to_owned()))?;
        let tails = [&self.console, &self.messages, &self.said];
        Ok(self.exited.is_some() || tails.iter().any(|tail| tail.has_line()))
    }

    fn read(&mut self) -> io::Result<()> {
        for tail in [&mut self.messages, &mut self.console, &mut self.said] {
            tail.read()?;
        }
        if self.exited.is_some() {
            // Half a message is none, but half a line of the kernel's may be its last word.
            self.console.finish();
            self.said.finish();
        }
        Ok(())
    }

    /// The next event that can be read. The console comes first: a message is understood in the light of what the
    /// kernel said before it.
    fn next_read(&mut self) -> Option<Event> {
        None.or_else(|| self.console.next_line().map(Event::Console))
            .or_else(|| self.messages.next_line().map(Event::Message))
            .or_else(|| self.said.next_line().map(Event::Vehicle))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.exited.is_none() {
            self.child.kill();
            // It dies at once, unless the kernel itself is stuck; then nothing more can be done from here.
            let _ = self.child.wait(Duration::from_secs(5));
        }
    }
}

/// The archive that a guest is given: its plan and, if the plan's vectors cannot be generated, those.
pub fn input(plan: &Plan, given: Option<&Vectors>) -> Archive {
    let mut archive = Archive::default();
    let plan = serde_json::to_vec(plan).expect("a plan is plain data");
    archive.file(in_archive(PLAN), plan);
    if let Some(Vectors { vectors, queries }) = given {
        for (path, rows) in [(VECTORS, vectors), (QUERIES, queries)] {
            let path = in_archive(path);
            if let Some((folder, _)) = path.rsplit_once('/') {
                archive.directory(folder);
            }
            let mut content = Vec::new();
            fvecs::encode(&mut content, rows).expect("a Vec takes everything");
            archive.file(path, content);
        }
    }
    archive
}

/// The archive that a guest is given for a shell, whose programs are in the static `busybox`.
pub fn shell_input(shell: &Shell, busybox: Vec<u8>) -> Archive {
    let mut archive = Archive::default();
    let shell = serde_json::to_vec(shell).expect("a shell is plain data");
    archive.file(in_archive(SHELL), shell);
    archive.program(in_archive(BUSYBOX), busybox);
    archive
}

/// The name in an archive of what the guest has under `path`.
pub fn in_archive(path: &str) -> &str {
    path.trim_start_matches('/')
}

/// The bundle's initramfs and, behind it, the guest's input: the kernel unpacks both.
fn initrd(bundle: &Bundle, input: &Archive) -> Result<File, MachineError> {
    let mut file = shared_file("initrd")?;
    let path = bundle.initramfs();
    File::open(&path)
        .and_then(|mut initramfs| io::copy(&mut initramfs, &mut file))
        .map_err(io_error(|| format!("read {}", path.display())))?;
    let mut output = BufWriter::new(&mut file);
    input
        .write(&mut output)
        .and_then(|()| output.flush())
        .map_err(io_error(|| "write what the guest is given".to_owned()))?;
    drop(output);
    Ok(file)
}

/// Makes a file in memory: there is nothing to clean up.
fn shared_file(name: &str) -> Result<File, MachineError> {
    memfd_create(name, MemfdFlags::CLOEXEC)
        .map(File::from)
        .map_err(io::Error::from)
        .map_err(io_error(|| "create a file in memory".to_owned()))
}

/// Makes a pipe of which nothing waits at the reading end.
fn message_pipe() -> Result<(File, File), MachineError> {
    pipe_with(PipeFlags::CLOEXEC)
        .and_then(|(reader, writer)| {
            fcntl_setfl(&reader, OFlags::NONBLOCK)?;
            Ok((reader.into(), writer.into()))
        })
        .map_err(io::Error::from)
        .map_err(io_error(|| "create a pipe".to_owned()))
}

/// The path under which another process of this user can open `file`.
fn path_for_others(file: &File) -> PathBuf {
    Path::new("/proc")
        .join(process::id().to_string())
        .join("fd")
        .join(file.as_raw_fd().to_string())
}

fn io_error(what: impl FnOnce() -> String) -> impl FnOnce(io::Error) -> MachineError {
    move |error| MachineError::Io {
        what: what(),
        error,
    }
}
