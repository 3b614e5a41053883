// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages of Debian, fetched with apt into a directory of our own and compared with the committed hashes.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use xshell::{Shell, cmd};

use super::debian_mirror;
use super::manifest;

/// A package, and the hash of its file in hexadecimal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub sha256: String,
}

impl Package {
    pub fn record(&self) -> anyhow::Result<manifest::Package> {
        Ok(manifest::Package {
            name: self.name.clone(),
            version: self.version.clone(),
            hash: format!("sha256:{}", self.sha256)
                .try_into()
                .map_err(anyhow::Error::msg)?,
        })
    }
}

/// Brings the packages that `cache` lacks, compares every one with its hash, and gives the directory that they lie in.
pub fn fetch(
    suite: &str,
    packages: &[Package],
    cache: &Path,
    tell: &dyn Fn(&str),
) -> anyhow::Result<PathBuf> {
    let dir = cache.join("packages");
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    bring(suite, packages, &dir, tell)?;
    Ok(dir)
}

fn bring(suite: &str, packages: &[Package], dir: &Path, tell: &dyn Fn(&str)) -> anyhow::Result<()> {
    let missing = || -> Vec<&Package> {
        let lacking = |package: &&Package| find(package, dir).is_none();
        packages.iter().filter(lacking).collect()
    };
    let lock = if missing().is_empty() {
        None
    } else {
        Some(alone(dir, tell)?)
    };
    // Another process may have brought them meanwhile.
    let missing = missing();
    if !missing.is_empty() {
        let apt = Apt::new(suite, &dir.join("apt"))?;
        tell(&format!("reading the package lists of {suite}"));
        apt.update()?;
        for package in missing {
            tell(&format!("downloading {}", package.name));
            apt.download(package, dir)?;
        }
    }
    drop(lock);
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

/// Waits until no other process fetches packages into this directory, and keeps it so: apt refuses what another one
/// holds.
fn alone(dir: &Path, tell: &dyn Fn(&str)) -> anyhow::Result<File> {
    let path = dir.join("lock");
    let locked = File::create(&path).and_then(|file| {
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            tell("waiting for another process that fetches packages");
            file.lock()?;
        }
        Ok(file)
    });
    locked.with_context(|| format!("cannot lock {}", path.display()))
}

/// The file of a package; its name ends in the architecture, which the pin leaves open. apt writes a colon as `%3a`.
fn find(package: &Package, dir: &Path) -> Option<PathBuf> {
    let version = package.version.replace(':', "%3a");
    ["amd64", "all"]
        .map(|architecture| dir.join(format!("{}_{version}_{architecture}.deb", package.name)))
        .into_iter()
        .find(|path| path.is_file())
}

fn sha256(path: &Path) -> io::Result<String> {
    Ok(hex::encode(Sha256::digest(fs::read(path)?)))
}

/// Unpacks a package below `root`, as it would lie on a host that has it installed.
pub fn unpack(package: &Package, packages: &Path, root: &Path) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let file = find(package, packages).context("a package vanished")?;
    cmd!(shell, "dpkg-deb --extract {file} {root}")
        .quiet()
        .run()
        .with_context(|| format!("cannot unpack {}", file.display()))
}

/// A kernel's sources, which Debian packs as an archive in a package.
#[derive(Debug, Clone, Copy)]
pub struct KernelSource<'a> {
    pub suite: &'a str,
    pub package: &'a Package,
}

impl KernelSource<'_> {
    /// Changes with the package.
    pub fn key(&self) -> &str {
        &self.package.sha256
    }

    /// Unpacks these files of the sources into `dest`, or all of them where none is named.
    pub fn unpack(
        &self,
        members: &[&str],
        dest: &Path,
        cache: &Path,
        tell: &dyn Fn(&str),
    ) -> anyhow::Result<()> {
        let packages = fetch(self.suite, std::slice::from_ref(self.package), cache, tell)?;
        let scratch = tempfile::tempdir_in(&packages).context("cannot create a directory")?;
        unpack(self.package, &packages, scratch.path())?;
        let name = &self.package.name;
        let archive = scratch.path().join(format!("usr/src/{name}.tar.xz"));
        let members = members.iter().map(|member| format!("{name}/{member}"));
        let shell = Shell::new()?;
        cmd!(
            shell,
            "tar --extract --file {archive} --directory {dest} --strip-components=1 {members...}"
        )
        .quiet()
        .run()
        .with_context(|| format!("cannot unpack {}", archive.display()))
    }
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

    #[test]
    fn a_package_with_another_hash_is_refused() {
        let cache = tempfile::tempdir().unwrap();
        let file = cache.path().join("packages/linux_1%3a6.12-1_all.deb");
        fs::create_dir(cache.path().join("packages")).unwrap();
        fs::write(&file, "abc").unwrap();
        let package = [Package {
            name: "linux".into(),
            version: "1:6.12-1".into(),
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
        }];
        fetch("test", &package, cache.path(), &|_| ()).unwrap();
        fs::write(&file, "abd").unwrap();
        let error = fetch("test", &package, cache.path(), &|_| ()).unwrap_err();
        assert!(
            error.to_string().contains("linux_1%3a6.12-1_all.deb"),
            "{error}"
        );
    }
}
