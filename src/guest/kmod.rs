// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel module: its file, loading and unloading, and what the kernel says of it.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::kmod::{DeleteModuleFlags, ModuleInitFlags, delete_module, finit_module};
use object::elf::{ELF_NOTE_GNU, FileHeader64, NT_GNU_BUILD_ID};
use object::read::elf::NoteIterator;
use object::{LittleEndian, Object};

use crate::system::hypervisor;
use crate::system::proc::read_trimmed;

pub const NAME: &str = "vexfs";

/// Where the bundle's initramfs has the module.
pub const PATH: &str = "/lib/vexfs/vexfs.ko";

/// Loads the module, but refuses where no hypervisor is: what goes wrong in a kernel must not go wrong on a machine
/// that somebody needs.
pub fn load() -> Result<()> {
    ensure!(
        hypervisor::is_present(),
        "cannot load {PATH}: this machine is not a virtual one"
    );
    let file = File::open(PATH).with_context(|| format!("cannot open {PATH}"))?;
    finit_module(file, c"", ModuleInitFlags::empty()).with_context(|| format!("cannot load {PATH}"))
}

/// Unloads the module without waiting; the errno is for the caller to judge.
pub fn try_unload() -> nix::Result<()> {
    delete_module(c"vexfs", DeleteModuleFlags::O_NONBLOCK)
}

pub fn unload() -> Result<()> {
    try_unload().with_context(|| format!("cannot unload {NAME}"))
}

pub fn ensure_loaded() -> Result<()> {
    if is_loaded()? { Ok(()) } else { load() }
}

pub fn ensure_unloaded() -> Result<()> {
    if is_loaded()? { unload() } else { Ok(()) }
}

pub fn is_loaded() -> Result<bool> {
    let modules = read_trimmed("/proc/modules")?;
    Ok(modules
        .lines()
        .any(|line| line.split(' ').next() == Some(NAME)))
}

pub fn filesystem_registered() -> Result<bool> {
    let filesystems = read_trimmed("/proc/filesystems")?;
    Ok(filesystems
        .lines()
        .any(|line| line.split('\t').nth(1) == Some(NAME)))
}

/// The GNU build id of a module's file, in hex.
pub fn file_build_id(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let id = object::File::parse(&*bytes)
        .and_then(|file| Ok(file.build_id()?.map(hex::encode)))
        .with_context(|| format!("{} is no ELF file", path.display()))?;
    id.with_context(|| format!("{} has no build id", path.display()))
}

/// The GNU build id of the loaded module, in hex.
pub fn loaded_build_id() -> Result<String> {
    let path = format!("/sys/module/{NAME}/notes/.note.gnu.build-id");
    let notes = fs::read(&path).with_context(|| format!("cannot read {path}"))?;
    build_id_in(&notes).with_context(|| format!("{path} has no build id"))
}

fn build_id_in(notes: &[u8]) -> Option<String> {
    let mut notes = NoteIterator::<FileHeader64<LittleEndian>>::new(LittleEndian, 4, notes).ok()?;
    while let Ok(Some(note)) = notes.next() {
        if note.name() == ELF_NOTE_GNU && note.n_type(LittleEndian) == NT_GNU_BUILD_ID {
            return Some(hex::encode(note.desc()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_id_of_a_note() {
        let mut note = vec![4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0];
        note.extend_from_slice(b"GNU\0\x01\xab\xff\0");
        assert_eq!(build_id_in(&note).as_deref(), Some("01abff"));
        note[8] = 1;
        assert_eq!(build_id_in(&note), None);
    }

    #[test]
    fn a_file_that_is_no_module_is_named() {
        let error = file_build_id(Path::new("Cargo.toml")).unwrap_err();
        assert!(error.to_string().starts_with("Cargo.toml is no ELF file"));
    }
}
