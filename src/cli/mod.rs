// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command lines of the three programs.

mod completions;
pub mod validate;
pub mod vexfs;
