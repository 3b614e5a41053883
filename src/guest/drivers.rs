// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loads the kernel's own modules that the guest needs where they are not built in. The bundle has chosen and ordered
//! them.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use nix::kmod::{ModuleInitFlags, finit_module};

/// Where the initramfs has the modules, as `NAME.ko`.
pub const DIRECTORY: &str = "/lib/modules";

/// A file with the names of the modules, one a line, in the order of loading. It is not there where all are built in.
pub const LOAD_ORDER: &str = "/lib/modules/load-order";

/// A file with the names of the modules that only the disk with the peers needs, one a line. A guest without that
/// disk does without them.
pub const PEERS_LOAD_ORDER: &str = "/lib/modules/peers-load-order";

/// Loads what every guest needs.
pub fn load() -> Result<()> {
    load_all(LOAD_ORDER)
}

/// Loads what the disk with the peers needs.
pub fn load_for_peers() -> Result<()> {
    load_all(PEERS_LOAD_ORDER)
}

fn load_all(list: &str) -> Result<()> {
    for name in read_if_there(list)?.lines() {
        let path = Path::new(DIRECTORY).join(format!("{name}.ko"));
        let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        finit_module(file, c"", ModuleInitFlags::empty())
            .with_context(|| format!("cannot load the kernel's module {name}"))?;
    }
    Ok(())
}

/// The names of the loaded modules, in the order of loading.
pub fn loaded() -> Result<Vec<String>> {
    // A kernel that can load none has no such file.
    Ok(loaded_in(&read_if_there("/proc/modules")?))
}

fn read_if_there(path: &str) -> Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        result => result.with_context(|| format!("cannot read {path}")),
    }
}

/// The names in `/proc/modules`, the newest last: the kernel lists the newest first.
fn loaded_in(modules: &str) -> Vec<String> {
    modules
        .lines()
        .rev()
        .filter_map(|line| Some(line.split(' ').next()?.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_in_the_order_of_loading() {
        let text = "sd_mod 53248 0 - Live 0x0\nscsi_mod 270336 1 sd_mod, Live 0x0";
        assert_eq!(loaded_in(text), ["scsi_mod", "sd_mod"]);
        assert!(loaded_in("").is_empty());
    }
}
