// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the guest's one program, statically, so that the initramfs needs no libraries.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use xshell::{Shell, cmd};

use super::source_tree::SourceTree;

/// Named even where it is the host: build scripts and macros must not be linked statically.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A program, and the compiler that made it.
#[derive(Debug)]
pub struct GuestProgram {
    pub path: PathBuf,
    pub compiler: String,
}

/// Builds `vexfs-init`; Cargo knows what has changed.
pub fn build(tree: &SourceTree, report: &dyn Fn(&str)) -> anyhow::Result<GuestProgram> {
    report("building the guest's program");
    let shell = Shell::new()?;
    let _in_root = shell.push_dir(tree.root());
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target_dir = tree.root().join("target/guest");
    cmd!(
        shell,
        "{cargo} build --quiet --locked --release --bin vexfs-init --target {TARGET} --target-dir {target_dir}"
    )
    .quiet()
    .env_remove("RUSTFLAGS")
    // Arguments may hold spaces: only this variable separates them without doubt.
    .env("CARGO_ENCODED_RUSTFLAGS", flags(tree).join(&OsString::from("\x1f")))
    .run()
    .context("the guest's program does not build")?;
    let compiler = cmd!(shell, "rustc --version")
        .quiet()
        .read()
        .context("rustc does not run")?;
    Ok(GuestProgram {
        path: target_dir.join(TARGET).join("release/vexfs-init"),
        compiler,
    })
}

fn flags(tree: &SourceTree) -> Vec<OsString> {
    let mut flags: Vec<OsString> = vec![
        "-Ctarget-feature=+crt-static".into(),
        "-Cstrip=debuginfo".into(),
    ];
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".cargo")));
    let prefixes = [
        (Some(tree.root().to_owned()), "/vexfs"),
        (cargo_home, "/cargo"),
    ];
    for (path, name) in prefixes {
        if let Some(path) = path {
            let mut flag = OsString::from("--remap-path-prefix=");
            flag.push(path);
            flag.push("=");
            flag.push(name);
            flags.push(flag);
        }
    }
    flags
}
