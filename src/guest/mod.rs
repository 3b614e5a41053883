// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs inside the virtual machine: its init, the steps of a run, and the protocol in which it reports them.

pub mod deadline;
pub mod drivers;
pub mod given;
pub mod hypervisor;
pub mod init;
pub mod kmod;
mod mounts;
pub mod outlet;
pub mod peers_disk;
mod port;
pub mod protocol;
pub mod results;
pub mod steps;
pub mod supervisor;
pub mod system;

/// The name under which init runs its own binary to carry out a step.
pub const STEP_PROGRAM: &str = "vexfs-step";
