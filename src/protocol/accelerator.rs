// SPDX-License-Identifier: MIT OR Apache-2.0
//! What executes the guest's instructions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What executes the guest's instructions, and so what its clock counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accelerator {
    Kvm,
    Icount,
    Tcg,
    /// User-Mode Linux: the kernel is a process of the host. Its code runs on the CPU itself; a system call is dear.
    Uml,
}

impl Accelerator {
    pub fn name(self) -> &'static str {
        match self {
            Accelerator::Kvm => "kvm",
            Accelerator::Icount => "icount",
            Accelerator::Tcg => "tcg",
            Accelerator::Uml => "uml",
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
