// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the guest's one program, statically, so that the initramfs needs no libraries.

use std::path::PathBuf;

use anyhow::Context;
use xshell::{Shell, cmd};

use super::source_tree::SourceTree;

/// The script that builds the program.
const SCRIPT: &str = "vm/build-programs.sh";
const BUILT: &str = "target/static/vexfs-init";

/// A program, and the compiler that made it.
#[derive(Debug)]
pub struct GuestProgram {
    pub path: PathBuf,
    pub compiler: String,
}

/// Builds `vexfs-init`; Cargo knows what has changed.
pub fn build(tree: &SourceTree, tell: &dyn Fn(&str)) -> anyhow::Result<GuestProgram> {
    tell("building the guest's program");
    let shell = Shell::new()?;
    let script = tree.root().join(SCRIPT);
    cmd!(shell, "{script} --quiet --bin vexfs-init")
        .quiet()
        .run()
        .context("the guest's program does not build")?;
    let compiler = cmd!(shell, "rustc --version")
        .quiet()
        .read()
        .context("rustc does not run")?;
    Ok(GuestProgram {
        path: tree.root().join(BUILT),
        compiler,
    })
}
