// SPDX-License-Identifier: MIT OR Apache-2.0
//! What modules are built against, whichever kernel it is.

use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct KernelTree {
    /// What `make -C` is called on to build a module.
    pub build_dir: PathBuf,
    /// The directory that all paths of the kernel begin with.
    pub root: PathBuf,
    /// The compiler of its modules.
    pub compiler: String,
    /// Changes whenever a module may come out differently.
    pub key: String,
    /// What `make` must be told, as `NAME=VALUE`.
    pub variables: Vec<String>,
}
