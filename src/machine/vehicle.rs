// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs a guest: an emulator, or a kernel that is a program of the host.

use super::qemu::{Mode, Qemu};
use crate::protocol::Accelerator;

#[derive(Debug, Clone)]
pub enum Vehicle {
    Qemu(Qemu, Mode),
    /// User-Mode Linux: the bundle's kernel runs by itself.
    Uml,
}

impl Vehicle {
    pub fn accelerator(&self) -> Accelerator {
        match self {
            Vehicle::Qemu(_, mode) => (*mode).into(),
            Vehicle::Uml => Accelerator::Uml,
        }
    }

    /// The version of QEMU, if that is what runs the guest.
    pub fn qemu_version(&self) -> Option<&str> {
        match self {
            Vehicle::Qemu(qemu, _) => Some(qemu.version()),
            Vehicle::Uml => None,
        }
    }
}
