// SPDX-License-Identifier: MIT OR Apache-2.0
//! The FUSE driver on real mounts. Needs root, /dev/fuse, and the two programs that `src/posix.rs` names.

mod files;
mod fixture;
mod index_files;
mod indexes;
mod ownership;
mod posix;
mod process;
mod search;
