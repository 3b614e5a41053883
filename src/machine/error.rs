// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why there is no machine.

use std::io;
use std::path::PathBuf;

use crate::bundle::manifest::MachineKind;

#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    #[error(
        "cannot run {program}: {error}; install QEMU (Debian: qemu-system-x86) or set VEXFS_QEMU"
    )]
    NoQemu { program: PathBuf, error: io::Error },
    #[error(
        "{program} has version `{version}`, but 8.0 or newer is needed: install a newer QEMU or set VEXFS_QEMU"
    )]
    OldQemu { program: PathBuf, version: String },
    #[error("KVM was asked for and does not work here: {reason}; use another accelerator, or auto")]
    NoKvm { reason: String },
    #[error(
        "User-Mode Linux was asked for and does not work here: {reason}; use another accelerator, or auto"
    )]
    NoUml { reason: String },
    #[error("QEMU has no disk here that a guest could write to: ask for --accel uml")]
    NoWrittenDisk,
    #[error(
        "{bundle} was built for {other}, and {wanted} was asked for: make a bundle for it with `vexfs-validate bundle --machine {option}`, or ask for another accelerator"
    )]
    OtherMachine {
        bundle: PathBuf,
        wanted: &'static str,
        other: &'static str,
        option: MachineKind,
    },
    #[error("cannot {what}: {error}")]
    Io { what: String, error: io::Error },
}
