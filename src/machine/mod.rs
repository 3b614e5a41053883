// SPDX-License-Identifier: MIT OR Apache-2.0
//! The virtual machine: QEMU, its accelerators, console and deadlines (`docs/machine.md`).

pub mod accelerator;
mod child;
mod error;
pub mod kernel_log;
pub mod memory;
pub mod qemu;
pub mod session;
mod tail;
pub mod vehicle;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{self, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};

use crate::bundle::Bundle;
use crate::bundle::initramfs::Archive;
use crate::dataset::fvecs;
use crate::dataset::workload::Vectors;
use crate::protocol::Plan;
use crate::protocol::guest_files::{PLAN, QUERIES, VECTORS};
use crate::protocol::run_files::{CONSOLE, MESSAGES, QEMU};
use child::Child;
pub use error::MachineError;
use qemu::Hardware;
use tail::Tail;
use vehicle::Vehicle;

/// How long to sleep between two looks at what the guest wrote.
const POLL: Duration = Duration::from_millis(10);

/// What distinguishes one boot from another.
#[derive(Debug, Clone)]
pub struct MachineConfig {
    pub memory_mib: u32,
    /// Arguments for the kernel's command line, behind those that every machine has.
    pub kernel_arguments: Vec<String>,
    /// The directory that receives `console.log`, `messages.jsonl` and `qemu.log`.
    pub logs: PathBuf,
    /// The disk with the peers, which the guest can only read.
    pub disk: Option<PathBuf>,
}

/// Something that a machine did.
#[derive(Debug)]
pub enum Event {
    /// A line on the virtio-serial port.
    Message(String),
    /// A line on the serial console.
    Console(String),
    /// A line that QEMU itself wrote.
    Qemu(String),
    /// The end of QEMU; nothing follows.
    Exited(ExitStatus),
}

/// A running machine. It ends when this value is dropped, or when this process dies of whatever cause. The files that
/// it shares with this process vanish with both.
#[derive(Debug)]
pub struct Machine {
    child: Child,
    exited: Option<ExitStatus>,
    messages: Tail,
    console: Tail,
    qemu: Tail,
    /// The initramfs, and below it the disk: files that stay open, since closed they would be gone before QEMU has read
    /// them.
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
        let initrd = initrd(bundle, input)?;
        let [messages, console, errors] = ["messages", "console", "errors"].map(shared_file);
        let (messages, console, errors) = (messages?, console?, errors?);

        fs::create_dir_all(&config.logs)
            .map_err(io_error(|| format!("create {}", config.logs.display())))?;
        let log = |name: &str| {
            let path = config.logs.join(name);
            File::create(&path).map_err(io_error(|| format!("create {}", path.display())))
        };

        let disk = config
            .disk
            .as_ref()
            .map(|path| File::open(path).map_err(io_error(|| format!("open {}", path.display()))));
        let disk = disk.transpose()?;
        let Vehicle::Qemu(qemu, mode) = vehicle else {
            todo!("User-Mode Linux")
        };
        let mut command = qemu.command(&Hardware {
            mode: *mode,
            memory_mib: config.memory_mib,
            kernel: &bundle.kernel(),
            initrd: &path_for_others(&initrd),
            console: &path_for_others(&console),
            port: &path_for_others(&messages),
            disk: disk.as_ref().map(path_for_others).as_deref(),
            kernel_arguments: &config.kernel_arguments,
        });
        let stderr = errors
            .try_clone()
            .map_err(io_error(|| "share a file".to_owned()))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr);
        let child = Child::spawn(command).map_err(io_error(|| "start QEMU".to_owned()))?;
        Ok(Machine {
            child,
            exited: None,
            messages: Tail::new(messages, log(MESSAGES)?),
            console: Tail::new(console, log(CONSOLE)?),
            qemu: Tail::new(errors, log(QEMU)?),
            _initrd: initrd,
            _disk: disk,
        })
    }

    /// QEMU's process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// The next event, or none if there is none before `deadline`.
    pub fn next(&mut self, deadline: Instant) -> Result<Option<Event>, MachineError> {
        loop {
            self.read()
                .map_err(io_error(|| "read what the machine wrote".to_owned()))?;
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
                .map_err(io_error(|| "wait for QEMU".to_owned()))?;
        }
    }

    fn read(&mut self) -> io::Result<()> {
        for tail in [&mut self.messages, &mut self.console, &mut self.qemu] {
            tail.read()?;
        }
        if self.exited.is_some() {
            // Half a message is none, but half a line of the kernel's may be its last word.
            self.console.finish();
            self.qemu.finish();
        }
        Ok(())
    }

    /// The next event that can be read. The console comes first: a message is understood in the light of what the
    /// kernel said before it.
    fn next_read(&mut self) -> Option<Event> {
        None.or_else(|| self.console.next_line().map(Event::Console))
            .or_else(|| self.messages.next_line().map(Event::Message))
            .or_else(|| self.qemu.next_line().map(Event::Qemu))
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

/// The path under which another process of this user can open `file`.
fn path_for_others(file: &File) -> PathBuf {
    Path::new("/proc")
        .join(process::id().to_string())
        .join("fd")
        .join(file.as_raw_fd().to_string())
}

fn io_error(what: impl FnOnce() -> String) -> impl FnOnce(io::Error) -> MachineError {
    move |source| MachineError::Io {
        what: what(),
        source,
    }
}
