// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a bundle says about itself.

use std::collections::BTreeMap;

use anyhow::Context;
use object::{Object, ObjectSection};
use serde::{Deserialize, Serialize};

/// Raised whenever the manifest or the layout of a bundle changes its meaning.
pub const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub toolkit_version: String,
    pub kernel: KernelRecord,
    pub module: ModuleRecord,
    pub guest: GuestRecord,
    /// By name within the bundle.
    pub files: BTreeMap<String, FileRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    pub size: u64,
    pub blake3: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelRecord {
    pub release: String,
    /// Who built it: `debian`.
    pub supplier: String,
    pub packages: Vec<Package>,
}

/// A package by name, version and the hash of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleRecord {
    /// What the compiler calls itself.
    pub compiler: String,
    #[serde(flatten)]
    pub identity: ModuleIdentity,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestRecord {
    /// What the compiler of the guest's program calls itself.
    pub compiler: String,
}

/// What a module file carries that the kernel shows again once it is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleIdentity {
    /// The GNU build id, in hexadecimal.
    pub build_id: String,
    /// The kernel release, compiler features and so on that the module was built for.
    pub vermagic: String,
    /// The hash of the module's sources, if the kernel's configuration asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub srcversion: Option<String>,
}

impl ModuleIdentity {
    pub fn of(module: &[u8]) -> anyhow::Result<ModuleIdentity> {
        let elf = object::File::parse(module).context("it is no ELF file")?;
        let build_id = elf
            .build_id()
            .context("its notes cannot be read")?
            .context("it has no build id")?;
        let info = elf
            .section_by_name(".modinfo")
            .context("it has no .modinfo section")?
            .data()?;
        Ok(ModuleIdentity {
            build_id: hex(build_id),
            vermagic: modinfo(info, "vermagic").context("its .modinfo has no vermagic")?,
            srcversion: modinfo(info, "srcversion"),
        })
    }
}

/// The value of `key` among the NUL-separated `key=value` entries of a .modinfo section.
fn modinfo(section: &[u8], key: &str) -> Option<String> {
    section
        .split(|&byte| byte == 0)
        .filter_map(|entry| std::str::from_utf8(entry).ok()?.split_once('='))
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modinfo_finds_whole_keys_only() {
        let section = b"srcversion=A1\0\0vermagic=6.12 SMP mod_unload \0version=2\0";
        assert_eq!(modinfo(section, "version").as_deref(), Some("2"));
        assert_eq!(
            modinfo(section, "vermagic").as_deref(),
            Some("6.12 SMP mod_unload ")
        );
        assert_eq!(modinfo(section, "alias"), None);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        let error = ModuleIdentity::of(b"not a module").unwrap_err();
        assert_eq!(error.to_string(), "it is no ELF file");
    }
}
