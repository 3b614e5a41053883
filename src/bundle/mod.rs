// SPDX-License-Identifier: MIT OR Apache-2.0
//! A bundle: everything that a validation run boots, in one directory with a manifest (`docs/bundle.md`).
//!
//! [`assemble`](assemble::assemble) makes one from parts, wherever these come from: [`debian`] supplies them from
//! Debian's packages, [`uml_kernel`] builds them, `vexfs-validate assemble` takes what somebody else has built.

pub mod assemble;
pub mod busybox;
pub mod debian;
mod debian_mirror;
mod debian_packages;
pub mod derivation;
mod e2fsprogs;
pub mod ext4_image;
#[cfg(test)]
mod fixtures;
pub mod guest_modules;
pub mod guest_program;
pub mod initramfs;
mod kernel_image;
pub mod kernel_module;
pub mod kernel_tree;
pub mod machine_kind;
pub mod manifest;
mod modinfo;
mod module_tree;
pub mod peers_disk;
pub mod python_files;
pub mod source_tree;
pub mod suite_programs;
pub mod uml_kernel;

use crate::protocol::run_files;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use machine_kind::MachineKind;
use manifest::{FileRecord, Manifest, ModuleIdentity};

pub const KERNEL: &str = "kernel";
pub const INITRAMFS: &str = "initramfs";
pub const MODULE: &str = "vexfs.ko";
pub const MANIFEST: &str = run_files::MANIFEST;

/// A bundle of which every file has been compared with the manifest.
#[derive(Debug, Clone)]
pub struct Bundle {
    dir: PathBuf,
    id: String,
    manifest: Manifest,
    manifest_text: String,
}

#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("cannot read {path} of the bundle: {error}; build it with `vexfs-validate bundle`")]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{path} is not a bundle's manifest: {error}; build the bundle anew")]
    Manifest {
        path: PathBuf,
        error: serde_json::Error,
    },
    #[error("{path} has format {found}, this toolkit reads {expected}; build the bundle anew")]
    Format {
        path: PathBuf,
        found: u32,
        expected: u32,
    },
    #[error("{path} does not name the file `{name}`; build the bundle anew")]
    NotListed { path: PathBuf, name: &'static str },
    #[error(
        "{path} is not the file that the manifest describes (BLAKE3 {found}, expected {expected}); build the bundle anew"
    )]
    Changed {
        path: PathBuf,
        found: String,
        expected: String,
    },
    #[error("{path}: {reason}")]
    Foreign { path: PathBuf, reason: String },
    #[error(
        "{path} was built for the kernel {built_for}, but the kernel of this bundle is {release}; build the module for that kernel"
    )]
    OtherKernel {
        path: PathBuf,
        built_for: String,
        release: String,
    },
}

impl Bundle {
    /// Opens `dir` as a bundle. Refuses it unless every file has the size and the hash that its manifest says, the
    /// kernel is one that the manifest's machine boots, and the module was built for it.
    pub fn open(dir: &Path) -> Result<Bundle, BundleError> {
        let path = dir.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| BundleError::Manifest {
                path: path.clone(),
                error,
            })?;
        if manifest.format != manifest::FORMAT {
            return Err(BundleError::Format {
                path,
                found: manifest.format,
                expected: manifest::FORMAT,
            });
        }
        for name in [KERNEL, INITRAMFS, MODULE] {
            let expected = manifest
                .files
                .get(name)
                .ok_or_else(|| BundleError::NotListed {
                    path: path.clone(),
                    name,
                })?;
            verify(&dir.join(name), expected)?;
        }
        let (kernel, module) = (dir.join(KERNEL), dir.join(MODULE));
        check_fit(
            manifest.machine,
            (&kernel, &fs::read(&kernel).map_err(unreadable(&kernel))?),
            (&module, &fs::read(&module).map_err(unreadable(&module))?),
            &manifest.kernel.release,
        )?;
        check_mode(&kernel, manifest.machine)?;
        Ok(Bundle {
            dir: dir.to_owned(),
            id: blake3::hash(text.as_bytes()).to_string(),
            manifest,
            manifest_text: text,
        })
    }

    /// What boots it.
    pub fn machine(&self) -> MachineKind {
        self.manifest.machine
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The BLAKE3 of the manifest, which stands for all of the bundle.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The exact text of which [`Bundle::id`] is the hash.
    pub fn manifest_text(&self) -> &str {
        &self.manifest_text
    }

    pub fn kernel(&self) -> PathBuf {
        self.dir.join(KERNEL)
    }

    pub fn initramfs(&self) -> PathBuf {
        self.dir.join(INITRAMFS)
    }

    pub fn module(&self) -> PathBuf {
        self.dir.join(MODULE)
    }
}

fn verify(path: &Path, expected: &FileRecord) -> Result<(), BundleError> {
    let found = describe(path).map_err(unreadable(path))?;
    if found == *expected {
        return Ok(());
    }
    Err(BundleError::Changed {
        path: path.to_owned(),
        found: found.blake3,
        expected: expected.blake3.clone(),
    })
}

/// Refuses a kernel that must be started as a program and cannot be.
fn check_mode(kernel: &Path, machine: MachineKind) -> Result<(), BundleError> {
    let mode = fs::metadata(kernel).map_err(unreadable(kernel))?.mode();
    if machine.is_program() && mode & 0o111 == 0 {
        return Err(BundleError::Foreign {
            path: kernel.to_owned(),
            reason: "it is not executable".to_owned(),
        });
    }
    Ok(())
}

/// Refuses a kernel image that is not of `release` or that this machine does not boot, and a module that was not built
/// for it: the guest's kernel would not load it.
///
/// Each file is given as its path and its content. What counts is what the content says.
fn check_fit(
    machine: MachineKind,
    kernel: (&Path, &[u8]),
    module: (&Path, &[u8]),
    release: &str,
) -> Result<ModuleIdentity, BundleError> {
    let foreign = |path: &Path, reason: String| BundleError::Foreign {
        path: path.to_owned(),
        reason,
    };
    let found = kernel_image::release(kernel.1, machine)
        .map_err(|error| foreign(kernel.0, format!("{error:#}")))?;
    if found != release {
        let reason = format!("it is the kernel {found}, not {release}");
        return Err(foreign(kernel.0, reason));
    }
    let identity = ModuleIdentity::of(module.1)
        .map_err(|error| foreign(module.0, format!("it is not a kernel module: {error:#}")))?;
    if identity.release() == release {
        return Ok(identity);
    }
    Err(BundleError::OtherKernel {
        path: module.0.to_owned(),
        built_for: identity.release().to_owned(),
        release: release.to_owned(),
    })
}

fn describe(path: &Path) -> io::Result<FileRecord> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(FileRecord {
        size: hasher.count(),
        blake3: hasher.finalize().to_string(),
    })
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> BundleError {
    let path = path.to_owned();
    move |error| BundleError::Unreadable { path, error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use manifest::{GuestRecord, KernelRecord, ModuleRecord};

    fn bundle(dir: &Path) {
        with_releases(dir, "6.12", "6.12", "6.12");
    }

    /// A bundle whose manifest, kernel image and module each speak of a release of their own.
    fn with_releases(dir: &Path, manifest: &str, kernel: &str, module: &str) {
        let vermagic = format!("{module} SMP mod_unload ");
        for (name, content) in [
            (KERNEL, fixtures::kernel_image(kernel)),
            (INITRAMFS, b"the initramfs".to_vec()),
            (MODULE, fixtures::module(&[("vermagic", &vermagic)])),
        ] {
            fs::write(dir.join(name), content).unwrap();
        }
        let release = manifest;
        let manifest = Manifest {
            format: manifest::FORMAT,
            toolkit_version: "0".into(),
            machine: MachineKind::Qemu,
            kernel: KernelRecord {
                release: release.into(),
                supplier: "test".into(),
                packages: Vec::new(),
            },
            module: ModuleRecord {
                compiler: "cc".into(),
                identity: ModuleIdentity {
                    build_id: "00".into(),
                    vermagic: "6.12".into(),
                    srcversion: None,
                },
            },
            guest: GuestRecord {
                compiler: "rustc".into(),
                roles: Vec::new(),
                modules: Vec::new(),
                peers_modules: Vec::new(),
                programs: Vec::new(),
            },
            files: [KERNEL, INITRAMFS, MODULE]
                .map(|name| (name.to_owned(), describe(&dir.join(name)).unwrap()))
                .into(),
        };
        let text = serde_json::to_vec(&manifest).unwrap();
        fs::write(dir.join(MANIFEST), text).unwrap();
    }

    #[test]
    fn one_changed_byte_is_refused_by_the_name_of_its_file() {
        for name in [KERNEL, INITRAMFS, MODULE] {
            let dir = tempfile::tempdir().unwrap();
            bundle(dir.path());
            Bundle::open(dir.path()).unwrap();
            let path = dir.path().join(name);
            let mut bytes = fs::read(&path).unwrap();
            bytes[0] ^= 1;
            fs::write(&path, bytes).unwrap();
            let error = Bundle::open(dir.path()).unwrap_err();
            assert!(
                matches!(&error, BundleError::Changed { path: named, .. } if *named == path),
                "{error}"
            );
        }
    }

    #[test]
    fn a_module_for_another_kernel_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        with_releases(dir.path(), "6.12", "6.12", "6.12.1");
        let error = Bundle::open(dir.path()).unwrap_err();
        assert!(
            matches!(&error, BundleError::OtherKernel { path, built_for, release }
                if *path == dir.path().join(MODULE) && built_for == "6.12.1" && release == "6.12"),
            "{error}"
        );
        with_releases(dir.path(), "6.12", "6.1", "6.12");
        let error = Bundle::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("it is the kernel 6.1, not 6.12"), "{error}");
    }

    #[test]
    fn a_missing_file_and_another_format_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        bundle(dir.path());
        let path = dir.path().join(MANIFEST);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(
            &path,
            text.replacen(
                &format!("\"format\":{}", manifest::FORMAT),
                "\"format\":99",
                1,
            ),
        )
        .unwrap();
        let error = Bundle::open(dir.path()).unwrap_err();
        assert!(
            matches!(error, BundleError::Format { found: 99, .. }),
            "{error}"
        );
        fs::write(&path, text).unwrap();
        fs::remove_file(dir.path().join(MODULE)).unwrap();
        let error = Bundle::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains(MODULE), "{error}");
    }
}
