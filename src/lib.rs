// SPDX-License-Identifier: MIT OR Apache-2.0
//! VexFS: a filesystem in which vector files can be searched, and the toolkit that validates its kernel module.
//!
//! The modules depend on each other in one direction only. `docs/architecture.md` states their order, and `tests/house`
//! holds the imports against it.

// What cannot be printed would end the program; `system::output` prints.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod anns;
pub mod bench;
pub mod bundle;
pub mod cli;
pub mod client;
pub mod criteria;
pub mod dataset;
pub mod exercise;
pub mod figures;
pub mod fuse;
pub mod guest;
pub mod host;
pub mod image;
pub mod machine;
pub mod peers;
pub mod protocol;
pub mod records;
pub mod report;
pub mod run;
pub mod self_test;
pub mod store;
pub mod suites;
pub mod system;
pub mod verdict;
