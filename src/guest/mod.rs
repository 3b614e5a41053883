// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs inside the virtual machine: its init, the steps of a run, and the protocol in which it reports them.

mod deadline;
pub mod drivers;
pub mod init;
pub mod kmod;
mod mounts;
mod port;
pub mod protocol;
pub mod results;
pub mod steps;
mod supervisor;
mod system;

/// The name under which init runs its own binary to carry out a step.
pub const STEP_PROGRAM: &str = "vexfs-step";
