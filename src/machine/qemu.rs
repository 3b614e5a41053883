// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which QEMU, and the one place that says how it is called (`docs/machine.md` says why).

use std::env;
use std::ffi::OsString;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};

use super::error::MachineError;
use crate::protocol::Accelerator;
use crate::protocol::guest_files::{PEERS_DISK, PORT_NAME};

/// The oldest QEMU that is taken: QEMU 7.2 corrupts cmpxchg16b when it emulates.
const OLDEST_MAJOR: u32 = 8;

/// How QEMU executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Kvm,
    Icount,
    Tcg,
}

impl From<Mode> for Accelerator {
    fn from(mode: Mode) -> Accelerator {
        match mode {
            Mode::Kvm => Accelerator::Kvm,
            Mode::Icount => Accelerator::Icount,
            Mode::Tcg => Accelerator::Tcg,
        }
    }
}

/// An emulator that runs and is recent enough.
#[derive(Debug, Clone)]
pub struct Qemu {
    program: PathBuf,
    version: String,
}

impl Qemu {
    /// Finds `$VEXFS_QEMU`, or else the QEMU on the PATH.
    pub fn find() -> Result<Qemu, MachineError> {
        let program = env::var_os("VEXFS_QEMU")
            .unwrap_or_else(|| "qemu-system-x86_64".into())
            .into();
        Qemu::at(program)
    }

    fn at(program: PathBuf) -> Result<Qemu, MachineError> {
        let output = Command::new(&program)
            .arg("--version")
            .output()
            .map_err(|error| MachineError::NoQemu {
                program: program.clone(),
                error,
            })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = version_in(&text).unwrap_or_default().to_owned();
        let major = version.split('.').next().and_then(|word| word.parse().ok());
        match major {
            Some(OLDEST_MAJOR..) => Ok(Qemu { program, version }),
            _ => Err(MachineError::OldQemu { program, version }),
        }
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// The command. The terminal must be open until it has started.
    pub(super) fn command(&self, machine: &Hardware) -> Command {
        let mut command = Command::new(&self.program);
        command.args(machine.arguments());
        if let Some(terminal) = machine.terminal {
            let terminal = terminal.as_raw_fd();
            let inherit = move || {
                // SAFETY: this process has the descriptor from its parent, which holds it open.
                let terminal = unsafe { BorrowedFd::borrow_raw(terminal) };
                Ok(fcntl_setfd(terminal, FdFlags::empty())?)
            };
            // SAFETY: the closure makes one system call.
            unsafe { command.pre_exec(inherit) };
        }
        command
    }
}

/// The version in `QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)`.
fn version_in(text: &str) -> Option<&str> {
    text.split_once("version ")?.1.split_whitespace().next()
}

/// Everything about a virtual machine that QEMU is told.
#[derive(Debug)]
pub(super) struct Hardware<'a> {
    pub mode: Mode,
    pub memory_mib: u32,
    pub kernel: &'a Path,
    pub initrd: &'a Path,
    pub console: &'a Path,
    pub port: &'a Path,
    /// The terminal of a shell.
    pub terminal: Option<BorrowedFd<'a>>,
    /// The disk with the peers on it.
    pub disk: Option<&'a Path>,
    pub kernel_arguments: &'a [String],
}

impl Hardware<'_> {
    fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        for argument in [
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-display",
            "none",
            "-smp",
            "1",
            "-seed",
            "42",
            "-device",
            "virtio-serial-pci,max_ports=2,ioeventfd=off",
        ] {
            arguments.push(argument.into());
        }
        let mut option = |name: &str, value: OsString| {
            arguments.push(name.into());
            arguments.push(value);
        };
        option(
            "-machine",
            format!("pc-q35-8.0,accel={},{MACHINE_OPTIONS}", self.backend()).into(),
        );
        option("-cpu", self.cpu().into());
        option("-m", self.memory_mib.to_string().into());
        option("-chardev", file_chardev("console", self.console));
        option("-serial", "chardev:console".into());
        option("-chardev", file_chardev("port", self.port));
        option(
            "-device",
            format!("virtserialport,chardev=port,name={PORT_NAME}").into(),
        );
        if let Some(terminal) = self.terminal {
            let socket = format!("socket,id=terminal,fd={}", terminal.as_raw_fd());
            option("-chardev", socket.into());
            option("-device", "virtconsole,chardev=terminal,nr=0".into());
        }
        if let Some(disk) = self.disk {
            let mut drive = OsString::from("if=none,id=peers,format=raw,readonly=on,file=");
            drive.push(disk);
            option("-drive", drive);
            let device = format!("virtio-blk-pci,drive=peers,serial={PEERS_DISK}");
            option("-device", device.into());
        }
        option("-kernel", self.kernel.into());
        option("-initrd", self.initrd.into());
        option("-append", self.command_line().into());
        match self.mode {
            Mode::Icount => {
                option("-icount", "shift=0,sleep=off".into());
                option("-rtc", "base=2026-01-01,clock=vm".into());
            }
            Mode::Kvm | Mode::Tcg => option("-rtc", "base=2026-01-01".into()),
        }
        arguments
    }

    fn backend(&self) -> &'static str {
        match self.mode {
            Mode::Kvm => "kvm",
            Mode::Icount | Mode::Tcg => "tcg",
        }
    }

    fn cpu(&self) -> String {
        match self.mode {
            Mode::Kvm => "host".to_owned(),
            Mode::Icount | Mode::Tcg => emulated_cpu(),
        }
    }

    fn command_line(&self) -> String {
        let mut words = vec![KERNEL_ARGUMENTS];
        if self.mode == Mode::Icount {
            words.push(ICOUNT_KERNEL_ARGUMENTS);
        }
        words.extend(self.kernel_arguments.iter().map(String::as_str));
        words.join(" ")
    }
}

/// A character device that writes to a file. A file takes whatever is written to it at once, so that it cannot slow the
/// guest down and thereby change what it does.
fn file_chardev(id: &str, path: &Path) -> OsString {
    let mut value = OsString::from(format!("file,id={id},path="));
    value.push(path);
    value
}

/// Options without the devices that nobody uses: each costs time at every boot.
const MACHINE_OPTIONS: &str = "hpet=off,smm=off,usb=off,sata=off,vmport=off";

/// Arguments by which an oops ends the run at once, in a panic and not in whatever would come of it.
const KERNEL_ARGUMENTS: &str =
    "console=ttyS0,115200 nokaslr norandmaps oops=panic panic=-1 softlockup_panic=1";

/// Arguments for icount only. A tenth of a second of calibration is a hundred million instructions there, and each one
/// that reads the clock interrupts the translator. Without the local APIC's timer there is nothing to calibrate.
const ICOUNT_KERNEL_ARGUMENTS: &str = "nolapic_timer";

/// A CPU without any feature of QEMU's choice, so that every version of QEMU counts the same instructions.
fn emulated_cpu() -> String {
    let mut cpu = EMULATED_CPU.to_owned();
    for feature in EMULATED_FEATURES.split_whitespace() {
        cpu.push_str(&format!(",{feature}=on"));
    }
    cpu
}

/// A CPU model whose vendor needs no page-table isolation, which emulation would pay for at each system call.
const EMULATED_CPU: &str = "base,level=0xd,xlevel=0x80000008,vendor=AuthenticAMD,family=25,model=1,stepping=1,phys-bits=40";

/// The features that x86-64-v3 asks for, and those that the kernel uses where they are there, but no source of
/// randomness.
const EMULATED_FEATURES: &str = "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr \
    sse sse2 pni pclmulqdq ssse3 fma cx16 sse4.1 sse4.2 movbe popcnt aes xsave avx f16c hypervisor \
    syscall nx pdpe1gb rdtscp lm lahf_lm abm fsgsbase bmi1 avx2 smep bmi2 erms smap xsaveopt xgetbv1 arat";

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn qemu_that_says(version: &str) -> Result<Qemu, MachineError> {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("qemu");
        fs::write(&program, format!("#!/bin/sh\necho '{version}'\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Qemu::at(program)
    }

    #[test]
    fn an_old_qemu_is_refused_by_its_version() {
        let error = qemu_that_says("QEMU emulator version 7.2.19 (Debian 1:7.2)").unwrap_err();
        assert!(error.to_string().contains("7.2.19"), "{error}");
        let qemu = qemu_that_says("QEMU emulator version 10.0.2 (Debian)").unwrap();
        assert_eq!(qemu.version(), "10.0.2");
    }

    #[test]
    fn what_is_not_qemu_is_refused() {
        assert!(matches!(
            qemu_that_says("hello"),
            Err(MachineError::OldQemu { .. })
        ));
        assert!(matches!(
            Qemu::at("/nonexistent/qemu".into()),
            Err(MachineError::NoQemu { .. })
        ));
    }

    #[test]
    fn only_icount_counts_instructions() {
        let arguments = |mode| {
            let hardware = Hardware {
                mode,
                memory_mib: 1024,
                kernel: Path::new("k"),
                initrd: Path::new("i"),
                console: Path::new("c"),
                port: Path::new("p"),
                terminal: None,
                disk: None,
                kernel_arguments: &["extra=1".to_owned()],
            };
            let arguments = hardware.arguments();
            let words: Vec<_> = arguments.iter().map(|a| a.to_string_lossy()).collect();
            words.join(" ")
        };
        let icount = arguments(Mode::Icount);
        assert!(icount.contains("accel=tcg") && icount.contains("-icount shift=0,sleep=off"));
        assert!(icount.contains(" extra=1"));
        let tcg = arguments(Mode::Tcg);
        assert!(tcg.contains("accel=tcg") && !tcg.contains("-icount"));
        let kvm = arguments(Mode::Kvm);
        assert!(kvm.contains("accel=kvm") && kvm.contains("-cpu host"));
    }
}
