// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fetches the pinned Debian kernel with apt into a directory of our own, compares it with the committed hashes, and
//! unpacks it. Nothing is installed on the host.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use xshell::{Shell, cmd};

use super::debian_mirror;
use super::manifest::{self, KernelRecord};
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
    /// The kernel's sources, of which only the style checker is used.
    source: Package,
}

/// A package, and the hash of its file in hexadecimal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Package {
    name: String,
    version: String,
    sha256: String,
}

impl Package {
    fn record(&self) -> anyhow::Result<manifest::Package> {
        Ok(manifest::Package {
            name: self.name.clone(),
            version: self.version.clone(),
            hash: format!("sha256:{}", self.sha256)
                .try_into()
                .map_err(anyhow::Error::msg)?,
        })
    }
}

impl Pin {
    pub fn read(path: &Path) -> anyhow::Result<Pin> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} does not pin a kernel", path.display()))
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
            let packages = cache.join("packages");
            fs::create_dir_all(&packages)
                .with_context(|| format!("cannot create {}", packages.display()))?;
            fetch(&pin.suite, &pin.packages, &packages, tell)?;
            tell(&format!("unpacking Debian's kernel {}", pin.release));
            make_dir_whole(&root, |dir| unpack(&pin, &packages, dir))?;
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

    /// What `make -C` is called on to build a module.
    pub fn build_dir(&self) -> PathBuf {
        headers(&self.root, &self.pin.release)
    }

    /// The directory that all paths of the kernel begin with.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn compiler(&self) -> &str {
        &self.pin.compiler
    }

    /// `checkpatch.pl` of this kernel, which Debian ships with its sources only, from `cache` if it is there already.
    pub fn checkpatch(&self, cache: &Path, tell: &dyn Fn(&str)) -> anyhow::Result<PathBuf> {
        let dir = cache.join(format!("checkpatch-{}", &self.pin.source.sha256[..16]));
        if !dir.is_dir() {
            let packages = cache.join("packages");
            fs::create_dir_all(&packages)
                .with_context(|| format!("cannot create {}", packages.display()))?;
            let source = std::slice::from_ref(&self.pin.source);
            fetch(&self.pin.suite, source, &packages, tell)?;
            tell("unpacking checkpatch.pl");
            make_dir_whole(&dir, |dir| {
                unpack_checkpatch(&self.pin.source, &packages, dir)
            })?;
        }
        Ok(dir.canonicalize()?.join("scripts/checkpatch.pl"))
    }

    /// Changes with every package.
    pub fn key(&self) -> String {
        self.pin.key()
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

/// Brings the packages that `dir` lacks, and compares every one with its hash.
fn fetch(suite: &str, packages: &[Package], dir: &Path, tell: &dyn Fn(&str)) -> anyhow::Result<()> {
    let missing: Vec<&Package> = packages
        .iter()
        .filter(|package| find(package, dir).is_none())
        .collect();
    if !missing.is_empty() {
        let apt = Apt::new(suite, &dir.join("apt"))?;
        tell(&format!("reading the package lists of {suite}"));
        apt.update()?;
        for package in missing {
            tell(&format!("downloading {}", package.name));
            apt.download(package, dir)?;
        }
    }
    for package in packages {
        let path = find(package, dir)
            .with_context(|| format!("apt-get did not download {}", package.name))?;
        let found = sha256(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if found != package.sha256 {
            bail!(
                "{} is not the pinned package (SHA-256 {found}, expected {}): delete it and try again",
                path.display(),
                package.sha256
            );
        }
    }
    Ok(())
}

/// The file of a package; its name ends in the architecture, which the pin leaves open.
fn find(package: &Package, dir: &Path) -> Option<PathBuf> {
    ["amd64", "all"]
        .map(|architecture| {
            dir.join(format!(
                "{}_{}_{architecture}.deb",
                package.name, package.version
            ))
        })
        .into_iter()
        .find(|path| path.is_file())
}

fn sha256(path: &Path) -> io::Result<String> {
    Ok(hex::encode(Sha256::digest(fs::read(path)?)))
}

fn unpack(pin: &Pin, packages: &Path, root: &Path) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    for package in &pin.packages {
        let file = find(package, packages).context("a package vanished")?;
        cmd!(shell, "dpkg-deb --extract {file} {root}")
            .quiet()
            .run()
            .with_context(|| format!("cannot unpack {}", file.display()))?;
    }
    relocate(pin, root)
}

/// The checker, and the lists of words and structures that it looks for beside itself.
fn unpack_checkpatch(source: &Package, packages: &Path, dir: &Path) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let file = find(source, packages).context("a package vanished")?;
    let scratch = tempfile::tempdir_in(packages).context("cannot create a directory")?;
    let scratch = scratch.path();
    cmd!(shell, "dpkg-deb --extract {file} {scratch}")
        .quiet()
        .run()
        .with_context(|| format!("cannot unpack {}", file.display()))?;
    let name = &source.name;
    let archive = scratch.join(format!("usr/src/{name}.tar.xz"));
    let members = ["checkpatch.pl", "spelling.txt", "const_structs.checkpatch"]
        .map(|file| format!("{name}/scripts/{file}"));
    cmd!(
        shell,
        "tar --extract --file {archive} --directory {dir} --strip-components=1 {members...}"
    )
    .quiet()
    .run()
    .with_context(|| format!("cannot unpack {}", archive.display()))
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

/// apt with lists, cache and sources of its own, and the mirror that the host uses.
struct Apt {
    shell: Shell,
    options: Vec<OsString>,
    suite: String,
}

impl Apt {
    fn new(suite: &str, dir: &Path) -> anyhow::Result<Apt> {
        for part in ["lists/partial", "cache/archives/partial"] {
            let part = dir.join(part);
            fs::create_dir_all(&part)
                .with_context(|| format!("cannot create {}", part.display()))?;
        }
        let dir =
            fs::canonicalize(dir).with_context(|| format!("cannot find {}", dir.display()))?;
        let sources = dir.join("debian.sources");
        fs::write(&sources, debian_mirror::stanza(suite)?)
            .with_context(|| format!("cannot write {}", sources.display()))?;
        let set = |key: &str, value: &Path| {
            let mut option = OsString::from(format!("--option={key}="));
            option.push(value);
            option
        };
        Ok(Apt {
            shell: Shell::new()?,
            options: vec![
                set("Dir::Etc::SourceList", &sources),
                set("Dir::Etc::SourceParts", Path::new("-")),
                set("Dir::State::Lists", &dir.join("lists")),
                set("Dir::State::Status", Path::new("/dev/null")),
                set("Dir::Cache", &dir.join("cache")),
                // The user whom apt would otherwise switch to may not enter our directory.
                set("APT::Sandbox::User", Path::new("root")),
                set("Acquire::Languages", Path::new("none")),
            ],
            suite: suite.to_owned(),
        })
    }

    fn update(&self) -> anyhow::Result<()> {
        let Apt { shell, options, .. } = self;
        cmd!(shell, "apt-get -qq {options...} update")
            .quiet()
            .run()
            .with_context(|| {
                format!(
                    "cannot read the package lists of {}: is a Debian mirror in reach?",
                    self.suite
                )
            })
    }

    fn download(&self, package: &Package, dir: &Path) -> anyhow::Result<()> {
        let Apt { shell, options, .. } = self;
        let _in_dir = shell.push_dir(dir);
        let what = format!("{}={}", package.name, package.version);
        cmd!(shell, "apt-get -qq {options...} download {what}")
            .quiet()
            .run()
            .with_context(|| format!("cannot download {what} of {}", self.suite))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin() -> Pin {
        Pin {
            suite: "test".into(),
            release: "6.12".into(),
            compiler: "cc".into(),
            packages: vec![Package {
                name: "linux".into(),
                version: "6.12-1".into(),
                sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
            }],
            source: Package {
                name: "linux-source".into(),
                version: "6.12-1".into(),
                sha256: String::new(),
            },
        }
    }

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

    #[test]
    fn a_package_with_another_hash_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("linux_6.12-1_all.deb");
        fs::write(&file, "abc").unwrap();
        fetch("test", &pin().packages, dir.path(), &|_| ()).unwrap();
        fs::write(&file, "abd").unwrap();
        let error = fetch("test", &pin().packages, dir.path(), &|_| ()).unwrap_err();
        assert!(
            error.to_string().contains("linux_6.12-1_all.deb"),
            "{error}"
        );
    }
}
