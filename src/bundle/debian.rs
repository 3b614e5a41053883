// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pinned Debian kernels, unpacked into directories of our own. Nothing is installed on the host.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::slice;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::debian_packages::{KernelSource, Package, fetch, unpack};
use super::kernel_tree::KernelTree;
use super::manifest::KernelRecord;
use super::source_tree::{SourceTree, make_dir_whole};

/// The name of the kernel that is meant where none is named.
pub const DEFAULT: &str = "6.12";

/// Which kernel, from which packages (`vm/kernels/NAME.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    suite: String,
    release: String,
    /// The compiler of modules: the kernel's own, or an older one that its headers let pass.
    compiler: String,
    /// What `make` must be told so that this compiler will do, as `NAME=VALUE`.
    #[serde(default)]
    variables: Vec<String>,
    packages: Vec<Package>,
    /// The C library that the kernel's tools run with, where this machine's may be too old for them.
    libc: Option<Libc>,
    /// The kernel's sources: User-Mode Linux is built from them, and the style checker is among them.
    source: Option<Package>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Libc {
    suite: String,
    package: Package,
}

/// The pinned kernels by name, the oldest first.
pub fn names(tree: &SourceTree) -> anyhow::Result<Vec<String>> {
    let dir = tree.kernel_pins();
    let entries = fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        if let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".json")) {
            names.push(name.to_owned());
        }
    }
    names.sort_by_key(|name| version(name));
    Ok(names)
}

fn version(name: &str) -> Vec<u32> {
    name.split('.')
        .map_while(|part| part.parse().ok())
        .collect()
}

impl Pin {
    /// The pin of this name, or an error that lists the names.
    pub fn named(tree: &SourceTree, name: &str) -> anyhow::Result<Pin> {
        let names = names(tree)?;
        if !names.iter().any(|known| known == name) {
            bail!(
                "no kernel `{name}` is pinned; there are {}",
                names.join(", ")
            );
        }
        Pin::read(&tree.kernel_pins().join(format!("{name}.json")))
    }

    fn read(path: &Path) -> anyhow::Result<Pin> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} does not pin a kernel", path.display()))
    }

    pub fn compiler(&self) -> &str {
        &self.compiler
    }

    /// The kernel's sources, which are pinned for [`DEFAULT`].
    pub fn source(&self) -> anyhow::Result<KernelSource<'_>> {
        let package = self.source.as_ref().with_context(|| {
            format!(
                "the sources of {} are not pinned: take the kernel {DEFAULT}",
                self.release
            )
        })?;
        Ok(KernelSource {
            suite: &self.suite,
            package,
        })
    }

    /// `checkpatch.pl` of this kernel, which Debian ships with its sources only, from `cache` if it is there already.
    pub fn checkpatch(&self, cache: &Path, tell: &dyn Fn(&str)) -> anyhow::Result<PathBuf> {
        let source = self.source()?;
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

    /// Changes with every package, and with what modules are built by.
    fn key(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let libc = self.libc.iter().map(|libc| &libc.package);
        for package in self.packages.iter().chain(libc) {
            hasher.update(package.sha256.as_bytes());
        }
        for variable in &self.variables {
            hasher.update(variable.as_bytes());
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
            if let Some(libc) = &pin.libc {
                fetch(&libc.suite, slice::from_ref(&libc.package), cache, tell)?;
            }
            tell(&format!("unpacking Debian's kernel {}", pin.release));
            make_dir_whole(&root, |dir| {
                for package in &pin.packages {
                    unpack(package, &packages, dir)?;
                }
                if let Some(libc) = &pin.libc {
                    unpack(&libc.package, &packages, &dir.join(LIBC))?;
                    run_with_libc(dir)?;
                }
                let_sparse_run(dir)?;
                relocate(&pin, dir)
            })?;
        }
        let root =
            fs::canonicalize(&root).with_context(|| format!("cannot find {}", root.display()))?;
        Ok(DebianKernel { pin, root })
    }

    pub fn image(&self) -> PathBuf {
        let beside_modules = self.modules().join("vmlinuz");
        if beside_modules.is_file() {
            return beside_modules;
        }
        self.root.join(format!("boot/vmlinuz-{}", self.pin.release))
    }

    /// The kernel's own modules, and the list of those that are built in.
    pub fn modules(&self) -> PathBuf {
        let release = &self.pin.release;
        let [merged, old] = ["usr/lib", "lib"].map(|lib| self.root.join(lib));
        let merged = merged.join("modules").join(release);
        if merged.is_dir() {
            return merged;
        }
        old.join("modules").join(release)
    }

    pub fn tree(&self) -> KernelTree {
        let mut variables = vec![format!("CC={}", self.pin.compiler)];
        variables.extend_from_slice(&self.pin.variables);
        KernelTree {
            build_dir: headers(&self.root, &self.pin.release),
            root: self.root.clone(),
            compiler: self.pin.compiler.clone(),
            key: self.pin.key(),
            variables,
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

/// The headers' Makefile names directories by their paths on a host that has the packages installed: take ours.
fn relocate(pin: &Pin, root: &Path) -> anyhow::Result<()> {
    let path = headers(root, &pin.release).join("Makefile");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let relative = text.replace("/usr/src/", "../");
    ensure!(
        relative != text,
        "{} does not include a Makefile below /usr/src, so its layout is unknown",
        path.display()
    );
    fs::write(&path, relative).with_context(|| format!("cannot write {}", path.display()))
}

/// Debian's packages of newer kernels lack the script without which `make` leaves sparse out. It says whether sparse
/// will do, and ours does: what it does not know, `kernel/Makefile` tells it.
fn let_sparse_run(root: &Path) -> anyhow::Result<()> {
    let tools = root.join(TOOLS);
    for entry in fs::read_dir(&tools).with_context(|| format!("cannot read {}", tools.display()))? {
        let script = entry?.path().join("scripts/checker-valid.sh");
        if script.parent().is_some_and(Path::is_dir) && !script.exists() {
            fs::write(&script, "#!/bin/sh\necho 1\n")?;
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

/// Where the tools' C library is unpacked.
const LIBC: &str = "libc";
/// Where Debian has the tools.
const TOOLS: &str = "usr/lib";
/// Debian's tools choose one of themselves by the kernel's architecture. The chosen one's name has this.
const CHOSEN: &str = ".real-";

/// Stands in for a tool, which lies beside it.
const WITH_LIBC: &str = r#"#!/bin/sh
self=$(realpath "$0") &&
libc=${self%/usr/lib/linux-kbuild-*}/libc/usr/lib/x86_64-linux-gnu &&
exec "$libc/ld-linux-x86-64.so.2" --library-path "$libc" "$self.elf" "$@"
"#;

/// Lets the kernel's tools run with the unpacked C library.
fn run_with_libc(root: &Path) -> anyhow::Result<()> {
    let mut pending = vec![root.join(TOOLS)];
    while let Some(dir) = pending.pop() {
        let unreadable = || format!("cannot read {}", dir.display());
        for entry in fs::read_dir(&dir).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let path = entry.path();
            let name = entry.file_name();
            if entry.file_type()?.is_dir() && name != "modules" {
                pending.push(path);
            } else if name.to_str().is_some_and(|name| name.contains(CHOSEN)) {
                let mut elf = path.clone().into_os_string();
                elf.push(".elf");
                fs::rename(&path, &elf)?;
                fs::write(&path, WITH_LIBC)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_pins_are_whole() {
        let tree = SourceTree::find().unwrap();
        let names = names(&tree).unwrap();
        assert!(names.iter().any(|name| name == DEFAULT));
        for name in names {
            let pin = Pin::named(&tree, &name).unwrap();
            assert!(pin.release.starts_with(&format!("{name}.")), "{name}");
            assert!(
                pin.packages
                    .iter()
                    .chain(&pin.source)
                    .all(|package| package.sha256.len() == 64)
            );
            assert!(["linux-image-", "linux-binary-"].iter().any(|image| {
                let image = format!("{image}{}", pin.release);
                pin.packages.iter().any(|package| package.name == image)
            }));
        }
        Pin::named(&tree, DEFAULT).unwrap().source().unwrap();
    }

    #[test]
    fn an_unknown_kernel_is_told_the_known_ones() {
        let tree = SourceTree::find().unwrap();
        let error = Pin::named(&tree, "2.6").unwrap_err().to_string();
        let known = names(&tree).unwrap().join(", ");
        assert_eq!(
            error,
            format!("no kernel `2.6` is pinned; there are {known}")
        );
    }

    #[test]
    fn kernels_are_in_the_order_of_their_versions() {
        assert!(version("6.9") < version("6.12"));
        assert!(version("6.18") < version("7.2"));
    }
}
