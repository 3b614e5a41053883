// SPDX-License-Identifier: MIT OR Apache-2.0
//! What boots a bundle.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum MachineKind {
    /// QEMU, or a machine of its own: the kernel is a bzImage
    Qemu,
    /// User-Mode Linux: the kernel is a program of the host
    Uml,
    /// User-Mode Linux as a debug kernel, which looks for faults of the module: its time means nothing
    UmlDebug,
}

impl MachineKind {
    /// Whether the kernel is a program of the host.
    pub fn is_program(self) -> bool {
        matches!(self, MachineKind::Uml | MachineKind::UmlDebug)
    }
}

impl fmt::Display for MachineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
