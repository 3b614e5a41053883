// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a bundle says about itself.

use std::collections::BTreeMap;

use anyhow::Context;
use object::Object;
use serde::{Deserialize, Serialize};

use super::guest_modules::Role;
pub use super::machine_kind::MachineKind;
use super::modinfo::{self, Modinfo};

/// The number of the format, raised whenever the manifest or the layout of a bundle changes its meaning.
pub const FORMAT: u32 = 4;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub toolkit_version: String,
    /// What the kernel was built to run on.
    pub machine: MachineKind,
    pub kernel: KernelRecord,
    pub module: ModuleRecord,
    pub guest: GuestRecord,
    /// The files of the bundle, by name within it.
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
    /// Who supplied it, or the sources that it was built from: `debian`, `nixpkgs`.
    pub supplier: String,
    pub packages: Vec<Package>,
}

/// What a supplier has taken the kernel from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub hash: PackageHash,
}

/// The hash of a package: `sha256:` and 64 hexadecimal digits for a file, or `nix:` and the 32 characters with which
/// the name of a path in the Nix store begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageHash(String);

impl TryFrom<String> for PackageHash {
    type Error = String;

    fn try_from(text: String) -> Result<PackageHash, String> {
        let written_in =
            |alphabet: &str, hash: &str| hash.chars().all(|digit| alphabet.contains(digit));
        let known = match text.split_once(':') {
            Some(("sha256", hash)) => hash.len() == 64 && written_in("0123456789abcdef", hash),
            Some(("nix", hash)) => {
                hash.len() == 32 && written_in("0123456789abcdfghijklmnpqrsvwxyz", hash)
            }
            _ => false,
        };
        if known {
            Ok(PackageHash(text))
        } else {
            Err(format!(
                "`{text}` is no hash of a package: give sha256: and 64 hexadecimal digits, or nix: and 32 characters of a store path"
            ))
        }
    }
}

impl From<PackageHash> for String {
    fn from(hash: PackageHash) -> String {
        hash.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleRecord {
    /// The version that the compiler reports.
    pub compiler: String,
    #[serde(flatten)]
    pub identity: ModuleIdentity,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestRecord {
    /// The version that the compiler of the guest's program reports.
    pub compiler: String,
    /// What the guest is for, which decides what it loads.
    pub roles: Vec<Role>,
    /// The kernel's modules that the guest loads before anything else, in this order.
    pub modules: Vec<GuestModuleRecord>,
    /// The kernel's modules that the guest loads before it reads the disk with the peers (the role `peers`).
    pub peers_modules: Vec<GuestModuleRecord>,
    /// The programs of the POSIX suites (the role `suites`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<ProgramRecord>,
}

/// A program of somebody else that the guest runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramRecord {
    pub name: String,
    pub version: String,
    pub blake3: String,
}

/// One of the kernel's modules as it lies in the initramfs, not compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestModuleRecord {
    pub name: String,
    pub blake3: String,
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
        let info = Modinfo::of(module)?;
        Ok(ModuleIdentity {
            build_id: hex::encode(build_id),
            vermagic: info
                .get("vermagic")
                .context("its .modinfo has no vermagic")?
                .to_owned(),
            srcversion: info.get("srcversion").map(str::to_owned),
        })
    }

    /// The kernel release that the module was built for.
    pub fn release(&self) -> &str {
        modinfo::release(&self.vermagic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::fixtures;

    #[test]
    fn a_package_has_a_hash_of_a_known_form() {
        for good in [
            format!("sha256:{}", "0f".repeat(32)),
            format!("nix:{}", "0z".repeat(16)),
        ] {
            let hash = PackageHash::try_from(good.clone()).unwrap();
            assert_eq!(String::from(hash), good);
        }
        for bad in [
            "0f".repeat(32),
            "sha256:0f".into(),
            format!("sha256:{}", "0F".repeat(32)),
            format!("nix:{}", "0e".repeat(16)),
            format!("md5:{}", "0f".repeat(16)),
        ] {
            let error = PackageHash::try_from(bad.clone()).unwrap_err();
            assert!(error.contains(&bad), "{error}");
        }
    }

    #[test]
    fn the_identity_of_a_module() {
        let module = fixtures::module(&[("vermagic", "6.12 SMP mod_unload "), ("name", "vexfs")]);
        let identity = ModuleIdentity::of(&module).unwrap();
        assert_eq!(identity.build_id, "b1d0001d");
        assert_eq!(identity.release(), "6.12");
        assert_eq!(identity.srcversion, None);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        let error = ModuleIdentity::of(b"not a module").unwrap_err();
        assert_eq!(error.to_string(), "it is no ELF file");
    }
}
