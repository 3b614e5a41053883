// SPDX-License-Identifier: MIT OR Apache-2.0
//! The modules that a kernel comes with: its `lib/modules/RELEASE`.
//!
//! Only `modules.builtin` and the modules themselves are read: Debian's packages hold no `modules.dep`, which depmod
//! makes when they are installed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;

/// Links beside the modules into the kernel's sources, which hold no modules.
const NOT_MODULES: [&str; 2] = ["build", "source"];

/// The modules by name. Names have underscores, whichever the file has: to the kernel `-` and `_` are the same.
#[derive(Debug)]
pub struct ModuleTree {
    dir: PathBuf,
    built_in: BTreeSet<String>,
    files: BTreeMap<String, PathBuf>,
}

impl ModuleTree {
    pub fn read(dir: &Path) -> Result<ModuleTree> {
        let path = dir.join("modules.builtin");
        let list =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut tree = ModuleTree {
            dir: dir.to_owned(),
            built_in: list
                .lines()
                .filter_map(|line| module_name(Path::new(line)))
                .collect(),
            files: BTreeMap::new(),
        };
        tree.collect(dir)?;
        Ok(tree)
    }

    fn collect(&mut self, dir: &Path) -> Result<()> {
        let unreadable = || format!("cannot read {}", dir.display());
        for entry in fs::read_dir(dir).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let path = entry.path();
            if NOT_MODULES.iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            if entry.file_type().with_context(unreadable)?.is_dir() {
                self.collect(&path)?;
            } else if let Some(name) = module_name(&path) {
                if let Some(other) = self.files.get(&name) {
                    bail!(
                        "{} and {} are one module to the kernel: remove one",
                        other.display(),
                        path.display()
                    );
                }
                self.files.insert(name, path);
            }
        }
        Ok(())
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn is_built_in(&self, name: &str) -> bool {
        self.built_in.contains(&canonical(name))
    }

    /// The path of a module's file, compressed or not.
    pub fn file(&self, name: &str) -> Option<&Path> {
        self.files.get(&canonical(name)).map(PathBuf::as_path)
    }
}

/// A module's name as /proc/modules shows it.
pub fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

/// The name of the module in a file, if the file is called like one.
fn module_name(path: &Path) -> Option<String> {
    let (name, suffix) = path.file_name()?.to_str()?.split_once(".ko")?;
    ["", ".xz", ".zst", ".gz"]
        .contains(&suffix)
        .then(|| canonical(name))
}

/// Reads a module as the linker made it, whichever way its file is compressed.
pub fn read_module(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    decompress(bytes).with_context(|| format!("cannot unpack {}", path.display()))
}

/// The bytes with which an xz file begins.
const XZ: &[u8] = b"\xfd7zXZ\0";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
const GZIP: &[u8] = b"\x1f\x8b";

pub fn is_compressed(bytes: &[u8]) -> bool {
    [XZ, ZSTD, GZIP]
        .iter()
        .any(|magic| bytes.starts_with(magic))
}

fn decompress(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let mut module = Vec::new();
    if bytes.starts_with(XZ) {
        XzReader::new(bytes.as_slice(), true).read_to_end(&mut module)?;
    } else if bytes.starts_with(ZSTD) {
        let mut reader = StreamingDecoder::new(bytes.as_slice())?;
        reader.read_to_end(&mut module)?;
        let decoder = reader.into_frame_decoder();
        let expected = decoder.get_checksum_from_data();
        ensure!(
            expected.is_none() || expected == decoder.get_calculated_checksum(),
            "its checksum is wrong"
        );
    } else if bytes.starts_with(GZIP) {
        bail!("gzip is not supported, only xz and zstd");
    } else {
        return Ok(bytes);
    }
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    /// The output of `printf module | xz --check=crc32 --lzma2=dict=1MiB`, as the kernel's Makefile calls it.
    const MODULE_XZ: &[u8] = &[
        0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x01, 0x69, 0x22, 0xde, 0x36, 0x02, 0x00, 0x21,
        0x01, 0x10, 0x00, 0x00, 0x00, 0xa8, 0x70, 0x8e, 0x86, 0x01, 0x00, 0x05, 0x6d, 0x6f, 0x64,
        0x75, 0x6c, 0x65, 0x00, 0x00, 0x00, 0x28, 0x26, 0x24, 0x0c, 0x00, 0x01, 0x1a, 0x06, 0xc5,
        0xea, 0xc8, 0x79, 0x90, 0x42, 0x99, 0x0d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x59, 0x5a,
    ];

    fn tree(files: &[&str]) -> (tempfile::TempDir, Result<ModuleTree>) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("modules.builtin"),
            "kernel/fs/ext4/ext4.ko\nkernel/drivers/nvme-core.ko\n",
        )
        .unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let tree = ModuleTree::read(dir.path());
        (dir, tree)
    }

    #[test]
    fn modules_are_found_by_either_spelling() {
        let (dir, tree) = tree(&[
            "kernel/usb-storage.ko.xz",
            "kernel/a/overlay.ko",
            "kernel/notes.kom",
            "build/not_a_module.ko",
        ]);
        let tree = tree.unwrap();
        let storage = dir.path().join("kernel/usb-storage.ko.xz");
        assert_eq!(tree.file("usb_storage"), Some(storage.as_path()));
        assert_eq!(tree.file("usb-storage"), Some(storage.as_path()));
        assert!(tree.file("overlay").is_some());
        assert!(tree.file("notes").is_none() && tree.file("not_a_module").is_none());
        for name in ["ext4", "nvme_core", "nvme-core"] {
            assert!(tree.is_built_in(name), "{name}");
        }
        assert!(!tree.is_built_in("overlay"));
    }

    #[test]
    fn two_files_of_one_module_are_refused() {
        let (_dir, tree) = tree(&["kernel/nls_cp437.ko", "updates/nls-cp437.ko.zst"]);
        let error = tree.unwrap_err().to_string();
        assert!(error.contains("are one module"), "{error}");
    }

    #[test]
    fn modules_are_unpacked() {
        let zstd = compress_to_vec(&b"module"[..], CompressionLevel::Fastest);
        for packed in [MODULE_XZ.to_vec(), zstd] {
            assert!(is_compressed(&packed));
            assert_eq!(decompress(packed.clone()).unwrap(), b"module");
            let half = packed[..packed.len() / 2].to_vec();
            assert!(decompress(half).is_err());
        }
        let mut changed = MODULE_XZ.to_vec();
        let at = changed
            .windows(3)
            .position(|bytes| bytes == b"mod")
            .unwrap();
        changed[at] ^= 1;
        assert!(decompress(changed).is_err());
        assert_eq!(decompress(b"\x7fELF".to_vec()).unwrap(), b"\x7fELF");
        let error = decompress(GZIP.to_vec()).unwrap_err().to_string();
        assert!(error.contains("gzip is not supported"), "{error}");
    }
}
