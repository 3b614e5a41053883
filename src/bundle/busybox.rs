// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pinned busybox of Debian, the programs of a shell in the guest. It is in no bundle.

use std::fs;
use std::path::{Path, PathBuf};
use std::slice;

use anyhow::Context;
use serde::Deserialize;

use super::debian_packages::{Package, fetch, unpack};
use super::source_tree::{SourceTree, make_dir_whole};

/// Which busybox, from which package (`vm/busybox.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    suite: String,
    package: Package,
}

impl Pin {
    fn read(path: &Path) -> anyhow::Result<Pin> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} does not pin a busybox", path.display()))
    }
}

/// The program, which is static, from the cache of `tree` if it is there already.
pub fn obtain(tree: &SourceTree, tell: &dyn Fn(&str)) -> anyhow::Result<PathBuf> {
    let Pin { suite, package } = Pin::read(&tree.busybox_pin())?;
    let cache = tree.cache();
    let root = cache.join(format!("busybox-{}", &package.sha256[..16]));
    if !root.is_dir() {
        let packages = fetch(&suite, slice::from_ref(&package), &cache, tell)?;
        make_dir_whole(&root, |dir| unpack(&package, &packages, dir))?;
    }
    Ok(root.join("bin/busybox"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_pin_is_whole() {
        let pin = Pin::read(Path::new("vm/busybox.json")).unwrap();
        assert_eq!(pin.package.name, "busybox-static");
        assert_eq!(pin.package.sha256.len(), 64);
    }
}
