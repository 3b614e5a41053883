// SPDX-License-Identifier: MIT OR Apache-2.0
//! The FUSE driver presents a store unchanged and adds the search ABI. `docs/fuse.md` explains its choices.

mod attributes;
mod callbacks;
mod caller;
mod file_handle;
mod fusermount;
mod handles;
mod inodes;
mod lower;
mod mount;
mod open;
mod operations;
mod options;
mod other_processes;
mod passthrough;
mod replies;
mod vectors;

pub use fusermount::FusermountError;
pub use mount::{Mount, MountError, Unmounted};
pub use options::{KNOWN as KNOWN_OPTIONS, MountOptions, OptionError};
