// SPDX-License-Identifier: MIT OR Apache-2.0
//! From parts to a bundle: one recipe, whoever supplies the parts.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::initramfs::Archive;
use super::manifest::{
    FORMAT, FileRecord, GuestRecord, KernelRecord, Manifest, ModuleIdentity, ModuleRecord,
};
use super::source_tree::make_dir_whole;
use super::{Bundle, INITRAMFS, KERNEL, MANIFEST, MODULE, describe};
use crate::guest::kmod;

/// Mount points, and places that the guest works in.
const DIRECTORIES: [&str; 9] = [
    "bin",
    "dev",
    "lib",
    "lib/vexfs",
    "mnt",
    "proc",
    "store",
    "sys",
    "tmp",
];

/// What a bundle is made of.
#[derive(Debug)]
pub struct Parts {
    /// A bootable image that has what the guest needs built in: virtio console, FUSE, ext4.
    pub kernel_image: PathBuf,
    pub kernel: KernelRecord,
    pub module: PathBuf,
    pub module_compiler: String,
    /// A static program: PID 1, and under any other process id the `vexfs` tool.
    pub guest_program: PathBuf,
    pub guest_compiler: String,
}

/// Makes `out` a bundle, in place of one that may be there.
pub fn assemble(parts: &Parts, out: &Path) -> anyhow::Result<Bundle> {
    let module = read(&parts.module)?;
    let identity = ModuleIdentity::of(&module)
        .with_context(|| format!("{} is not a kernel module", parts.module.display()))?;
    let initramfs = initramfs(read(&parts.guest_program)?, module.clone())?;

    make_dir_whole(out, |dir| {
        write(&dir.join(KERNEL), &read(&parts.kernel_image)?)?;
        write(&dir.join(INITRAMFS), &initramfs)?;
        write(&dir.join(MODULE), &module)?;
        let manifest = Manifest {
            format: FORMAT,
            toolkit_version: env!("CARGO_PKG_VERSION").to_owned(),
            kernel: parts.kernel.clone(),
            module: ModuleRecord {
                compiler: parts.module_compiler.clone(),
                identity,
            },
            guest: GuestRecord {
                compiler: parts.guest_compiler.clone(),
            },
            files: [KERNEL, INITRAMFS, MODULE]
                .into_iter()
                .map(|name| Ok((name.to_owned(), record(&dir.join(name))?)))
                .collect::<anyhow::Result<_>>()?,
        };
        let mut text = serde_json::to_string_pretty(&manifest)?;
        text.push('\n');
        write(&dir.join(MANIFEST), text.as_bytes())
    })?;
    Ok(Bundle::open(out)?)
}

fn initramfs(guest_program: Vec<u8>, module: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let mut archive = Archive::default();
    for path in DIRECTORIES {
        archive.directory(path);
    }
    archive.program("init", guest_program);
    archive.symlink("bin/vexfs", "/init");
    archive.file(kmod::PATH.trim_start_matches('/'), module);
    let mut bytes = Vec::new();
    archive
        .write(&mut bytes)
        .context("cannot make the initramfs")?;
    Ok(bytes)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

fn record(path: &Path) -> anyhow::Result<FileRecord> {
    describe(path).with_context(|| format!("cannot read {}", path.display()))
}
