// SPDX-License-Identifier: MIT OR Apache-2.0
//! The FUSE driver on real mounts. Needs root, /dev/fuse, and the two programs that `posix_suites.rs` names.

mod changes;
#[path = "../support/criteria.rs"]
mod criteria;
mod descriptors;
mod files;
mod fixture;
mod guest_steps;
mod index_files;
mod indexes;
mod ordinary_user;
mod ownership;
mod passthrough;
mod posix;
mod process;
#[path = "../support/processes.rs"]
mod processes;
mod readme;
mod search;
#[path = "../support/unheard.rs"]
mod unheard;
mod unprivileged;
