// SPDX-License-Identifier: MIT OR Apache-2.0
//! User-Mode Linux, built from the sources of the pinned kernel: a program of the host, of which nothing is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use xshell::{Shell, cmd};

use super::debian::Pin;
use super::kernel_module::compiler_version;
use super::kernel_tree::KernelTree;
use super::manifest::KernelRecord;
use super::source_tree::{SourceTree, make_dir_whole};

/// The script that builds it, the options that it gives to Kconfig, and what it changes in the sources.
const RECIPE: [&str; 3] = ["vm/build-uml.sh", "vm/uml.config", "vm/uml-host.patch"];

/// What the debug kernel has beside these options.
const DEBUG: &str = "vm/debug.config";

/// Which User-Mode Linux is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// As fast as it can be
    Plain,
    /// With all that notices a fault of the module
    Debug,
}

impl Flavour {
    /// The file with its further options.
    fn options(self) -> Option<&'static str> {
        match self {
            Flavour::Plain => None,
            Flavour::Debug => Some(DEBUG),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Flavour::Plain => "User-Mode Linux",
            Flavour::Debug => "User-Mode Linux as a debug kernel",
        }
    }
}

/// A built kernel with what modules are built from.
#[derive(Debug, Clone)]
pub struct UmlKernel {
    pin: Pin,
    /// What the script keeps.
    root: PathBuf,
    release: String,
    key: String,
    /// What it says of its compiler.
    compiler: String,
}

impl UmlKernel {
    /// The kernel from the sources of `pin`, from the cache if it was built already.
    pub fn obtain(
        pin: Pin,
        flavour: Flavour,
        tree: &SourceTree,
        tell: &dyn Fn(&str),
    ) -> anyhow::Result<UmlKernel> {
        let cache = tree.cache();
        let key = key(&pin, flavour, tree)?;
        let root = cache.join(format!("uml-{key}"));
        if !root.is_dir() {
            build(&pin, flavour, tree, &root, tell)?;
        }
        let root = root.canonicalize()?;
        let release = only_entry(&root.join("lib/modules"))?;
        let compiler = nameless(&compiler_version(pin.compiler())?);
        Ok(UmlKernel {
            pin,
            root,
            release,
            key,
            compiler,
        })
    }

    /// The program.
    pub fn image(&self) -> PathBuf {
        self.root.join("linux")
    }

    /// The list of modules that are built in: all are.
    pub fn modules(&self) -> PathBuf {
        self.root.join("lib/modules").join(&self.release)
    }

    pub fn tree(&self) -> KernelTree {
        let build_dir = self.modules().join("build");
        let compiler = self.pin.compiler();
        KernelTree {
            root: build_dir.clone(),
            build_dir,
            compiler: compiler.to_owned(),
            key: self.key.clone(),
            variables: vec![
                "ARCH=um".to_owned(),
                format!("CC={compiler}"),
                format!("CC_VERSION_TEXT={}", self.compiler),
            ],
        }
    }

    /// The kernel with the packages that it was built from.
    pub fn record(&self) -> anyhow::Result<KernelRecord> {
        Ok(KernelRecord {
            release: self.release.clone(),
            supplier: "debian".to_owned(),
            packages: vec![self.pin.source()?.package.record()?],
        })
    }
}

fn build(
    pin: &Pin,
    flavour: Flavour,
    tree: &SourceTree,
    dest: &Path,
    tell: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let what = flavour.name();
    let begun = Instant::now();
    let cache = tree.cache();
    fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
    let scratch = tempfile::tempdir_in(&cache).context("cannot create a directory")?;
    let source = scratch.path();
    tell("unpacking the kernel's sources");
    pin.source()?.unpack(&[], source, &cache, tell)?;
    tell(&format!("building {what}: this takes some minutes, once"));
    let shell = Shell::new()?;
    let script = tree.root().join(RECIPE[0]);
    let options = flavour.options().map(|options| tree.root().join(options));
    // The flake compiles the same once more.
    let ccache = cmd!(shell, "ccache --version")
        .quiet()
        .ignore_stderr()
        .read();
    let ccache = ccache.is_ok().then_some("ccache");
    make_dir_whole(dest, |dir| {
        let compiler = pin.compiler();
        cmd!(shell, "{script} {source} {dir} {options...}")
            .quiet()
            .env("CC", compiler)
            .env("CCACHE", ccache.unwrap_or_default())
            .env("CCACHE_DIR", cache.join("ccache"))
            .run()
            .with_context(|| format!("{what} does not build"))
    })?;
    tell(&format!(
        "{what} took {} s, and is kept in {}",
        begun.elapsed().as_secs(),
        dest.display()
    ));
    Ok(())
}

/// Changes with the sources, the recipe, and the tools and the C library that make a static program of them.
fn key(pin: &Pin, flavour: Flavour, tree: &SourceTree) -> anyhow::Result<String> {
    let compiler = pin.compiler();
    let shell = Shell::new()?;
    let library = cmd!(shell, "{compiler} -print-file-name=libc.a")
        .quiet()
        .read()?;
    let mut hasher = blake3::Hasher::new();
    for word in [
        pin.source()?.key(),
        &compiler_version(compiler)?,
        &compiler_version("ld")?,
    ] {
        hasher.update(blake3::hash(word.as_bytes()).as_bytes());
    }
    let recipe = RECIPE.into_iter().chain(flavour.options());
    let files = recipe.map(|file| tree.root().join(file));
    for file in files.chain([PathBuf::from(library)]) {
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        hasher.update(blake3::hash(&content).as_bytes());
    }
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}

/// What a compiler says of itself, whatever the name by which it was called: `vm/build-uml.sh` does the same.
fn nameless(version: &str) -> String {
    let (_, rest) = version.split_once(' ').unwrap_or_default();
    format!("gcc {rest}")
}

/// The name of the one thing that is in `dir`.
fn only_entry(dir: &Path) -> anyhow::Result<String> {
    let unreadable = || format!("cannot read {}", dir.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).with_context(unreadable)? {
        names.push(entry.with_context(unreadable)?.file_name());
    }
    ensure!(
        names.len() == 1,
        "{} holds no kernel: delete it",
        dir.display()
    );
    Ok(names.remove(0).to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_is_told_by_its_version_alone() {
        let debian = "(Debian 12.2.0-14+deb12u1) 12.2.0";
        for name in ["gcc", "x86_64-linux-gnu-gcc-12"] {
            assert_eq!(
                nameless(&format!("{name} {debian}")),
                format!("gcc {debian}")
            );
        }
    }
}
