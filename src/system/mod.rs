// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the machine that this program runs on says about itself and is asked for, be it a host or a guest; and what a
//! program prints.

pub mod clock;
pub mod cpu;
pub mod deadline;
pub mod huge_pages;
pub mod hypervisor;
pub mod output;
pub mod proc;
pub mod scheduler;
pub mod signals;
