// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs inside the virtual machine: its init, the steps of a run, and the protocol in which it reports them.

pub mod protocol;
pub mod results;
