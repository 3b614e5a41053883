// SPDX-License-Identifier: MIT OR Apache-2.0
//! The FUSE driver on real mounts. Needs root and /dev/fuse.

mod files;
mod fixture;
mod ownership;
