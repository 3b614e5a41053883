// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pinned Debian kernel, unpacked into a directory of our own. Nothing is installed on the host.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::debian_packages::{KernelSource, Package, fetch, unpack};
use super::kernel_tree::KernelTree;
use super::manifest::KernelRecord;
use super::source_tree::make_dir_whole;

/// Which kernel, from which packages (`vm/debian-kernel.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    suite: String,
    release: String,
    /// The compiler that the kernel was built with.
    compiler: String,
    packages: Vec<Package>,
    /// The kernel's sources: User-Mode Linux is built from them, and the style checker is among them.
    source: Package,
}

impl Pin {
    pub fn read(path: &Path) -> anyhow::Result<Pin> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} does not pin a kernel", path.display()))
    }

    pub fn compiler(&self) -> &str {
        &self.compiler
    }

    pub fn source(&self) -> KernelSource<'_> {
        KernelSource {
            suite: &self.suite,
            package: &self.source,
        }
    }

    /// `checkpatch.pl` of this kernel, which Debian ships with its sources only, from `cache` if it is there already.
    pub fn checkpatch(&self, cache: &Path, tell: &dyn Fn(&str)) -> anyhow::Result<PathBuf> {
        let source = self.source();
        let dir = cache.join(format!("checkpatch-{}", &source.key()[..16]));
        if !dir.is_dir() {
            tell("unpacking checkpatch.pl");
            // The checker looks for lists of words and structures beside itself.
            let files = ["checkpatch.pl", "spelling.txt", "const_structs.checkpatch"]
                .map(|file| format!("scripts/{file}"));
            let files = files.each_ref().map(String::as_str);
            make_dir_whole(&dir, |dir| source.unpack(&files, dir, cache, tell))?;
        }
        Ok(dir.canonicalize()?.join("scripts/checkpatch.pl"))
    }

    /// Changes with every package.
    fn key(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for package in &self.packages {
            hasher.update(package.sha256.as_bytes());
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }
}

/// An unpacked kernel with what modules are built from.
#[derive(Debug, Clone)]
pub struct DebianKernel {
    pin: Pin,
    /// Laid out as the packages would be on a host.
    root: PathBuf,
}

impl DebianKernel {
    /// The kernel that `pin` names, from `cache` if it is there already.
    pub fn obtain(pin: Pin, cache: &Path, tell: &dyn Fn(&str)) -> anyhow::Result<DebianKernel> {
        let root = cache.join(format!("kernel-{}", pin.key()));
        if !root.is_dir() {
            let packages = fetch(&pin.suite, &pin.packages, cache, tell)?;
            tell(&format!("unpacking Debian's kernel {}", pin.release));
            make_dir_whole(&root, |dir| {
                for package in &pin.packages {
                    unpack(package, &packages, dir)?;
                }
                relocate(&pin, dir)
            })?;
        }
        let root =
            fs::canonicalize(&root).with_context(|| format!("cannot find {}", root.display()))?;
        Ok(DebianKernel { pin, root })
    }

    pub fn image(&self) -> PathBuf {
        self.root.join(format!("boot/vmlinuz-{}", self.pin.release))
    }

    /// The kernel's own modules, and the list of those that are built in.
    pub fn modules(&self) -> PathBuf {
        self.root.join(format!("lib/modules/{}", self.pin.release))
    }

    pub fn tree(&self) -> KernelTree {
        KernelTree {
            build_dir: headers(&self.root, &self.pin.release),
            root: self.root.clone(),
            compiler: self.pin.compiler.clone(),
            key: self.pin.key(),
            variables: Vec::new(),
        }
    }

    pub fn record(&self) -> anyhow::Result<KernelRecord> {
        let packages = self.pin.packages.iter().map(Package::record);
        Ok(KernelRecord {
            release: self.pin.release.clone(),
            supplier: "debian".to_owned(),
            packages: packages.collect::<anyhow::Result<_>>()?,
        })
    }
}

fn headers(root: &Path, release: &str) -> PathBuf {
    root.join(format!("usr/src/linux-headers-{release}"))
}

/// The headers' Makefile includes the common one by its path on a host that has the packages installed: take ours.
fn relocate(pin: &Pin, root: &Path) -> anyhow::Result<()> {
    let path = headers(root, &pin.release).join("Makefile");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let relative = text.replace("include /usr/src/", "include ../");
    ensure!(
        relative != text,
        "{} does not include a Makefile below /usr/src, so its layout is unknown",
        path.display()
    );
    fs::write(&path, relative).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_pin_is_whole() {
        let pin = Pin::read(Path::new("vm/debian-kernel.json")).unwrap();
        assert!(
            pin.packages
                .iter()
                .all(|package| package.sha256.len() == 64)
        );
        assert!(
            pin.packages
                .iter()
                .any(|package| package.name == format!("linux-image-{}", pin.release))
        );
    }
}
