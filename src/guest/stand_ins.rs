// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs that pjdfstest calls and the guest has not: `which`, `mount` and `umount`, for what it asks of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::protocol::guest_files::SUITES;
use crate::suites::programs::FSX;
use crate::system::output::print_line;

/// The names under which the guest's binary is one of them.
pub const NAMES: [&str; 3] = ["which", "mount", "umount"];

/// Makes the programs in the directory `dir`.
pub fn make(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    for name in NAMES {
        let path = dir.join(name);
        if !path.exists() {
            symlink("/init", &path).with_context(|| format!("cannot create {}", path.display()))?;
        }
    }
    Ok(())
}

/// Is the program `name`.
pub fn main(name: &str, arguments: &[String]) -> Result<()> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match (name, &words[..]) {
        // What is asked for is a program that runs until it is killed. Without a limit that is what fsx does.
        ("which", ["sleep"]) => print_line(&format!("{SUITES}/{FSX}")),
        ("mount", ["--bind", from, to]) => {
            let (none, bind) = (None::<&str>, MsFlags::MS_BIND);
            mount(Some(*from), *to, none, bind, none)
                .with_context(|| format!("cannot mount {from} on {to}"))
        }
        ("umount", [at]) => {
            umount2(*at, MntFlags::empty()).with_context(|| format!("cannot unmount {at}"))
        }
        _ => bail!("this guest has no `{name} {}`", words.join(" ")),
    }
}
