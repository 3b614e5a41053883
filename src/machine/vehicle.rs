// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs a guest: an emulator, or a kernel that is a program of the host.

use super::MachineError;
use super::qemu::{Mode, Qemu};
use crate::bundle::Bundle;
use crate::bundle::manifest::MachineKind;
use crate::protocol::Accelerator;
use crate::protocol::run_files::{QEMU, UML_LOG};

#[derive(Debug, Clone)]
pub enum Vehicle {
    Qemu(Qemu, Mode),
    /// User-Mode Linux: the bundle's kernel runs by itself.
    Uml,
    /// User-Mode Linux as a debug kernel.
    UmlDebug,
}

impl Vehicle {
    pub fn name(&self) -> &'static str {
        match self {
            Vehicle::Qemu(..) => "QEMU",
            Vehicle::Uml | Vehicle::UmlDebug => "User-Mode Linux",
        }
    }

    /// The file for what the vehicle itself writes.
    pub(super) fn log(&self) -> &'static str {
        match self {
            Vehicle::Qemu(..) => QEMU,
            Vehicle::Uml | Vehicle::UmlDebug => UML_LOG,
        }
    }

    /// Refuses a bundle that was built for another vehicle.
    pub(super) fn check(&self, bundle: &Bundle) -> Result<(), MachineError> {
        match self {
            Vehicle::Qemu(..) => check(MachineKind::Qemu, bundle),
            Vehicle::Uml => check(MachineKind::Uml, bundle),
            Vehicle::UmlDebug => check(MachineKind::UmlDebug, bundle),
        }
    }

    pub fn accelerator(&self) -> Accelerator {
        match self {
            Vehicle::Qemu(_, mode) => (*mode).into(),
            Vehicle::Uml | Vehicle::UmlDebug => Accelerator::Uml,
        }
    }

    /// The version of QEMU, if that is what runs the guest.
    pub fn qemu_version(&self) -> Option<&str> {
        match self {
            Vehicle::Qemu(qemu, _) => Some(qemu.version()),
            Vehicle::Uml | Vehicle::UmlDebug => None,
        }
    }
}

/// Refuses a bundle that was built for something else than `wanted`.
pub(super) fn check(wanted: MachineKind, bundle: &Bundle) -> Result<(), MachineError> {
    if bundle.manifest().machine == wanted {
        return Ok(());
    }
    let name = |machine| match machine {
        MachineKind::Qemu => "QEMU",
        MachineKind::Uml => "User-Mode Linux",
        MachineKind::UmlDebug => "the debug kernel",
    };
    Err(MachineError::OtherMachine {
        bundle: bundle.dir().to_owned(),
        wanted: name(wanted),
        other: name(bundle.manifest().machine),
        option: wanted,
    })
}
