// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs inside the virtual machine: its init, and the steps of a run.

mod cut_disk;
mod debugfs;
mod disks;
pub mod drivers;
pub mod given;
mod hello;
pub mod init;
pub mod kmod;
mod landlock;
pub mod loop_disk;
mod memory_group;
mod module_clock;
mod mounts;
pub mod outlet;
pub mod peers_disk;
mod port;
mod shell;
pub mod stand_ins;
pub mod steps;
pub mod supervisor;

/// The name under which init runs its own binary to carry out a step.
pub const STEP_PROGRAM: &str = "vexfs-step";
