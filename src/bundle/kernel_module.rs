// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the module from a copy of its sources, to the same bytes wherever the checkout lies.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, ensure};
use xshell::{Shell, cmd};

use super::kernel_tree::KernelTree;
use super::source_tree::make_dir_whole;

/// The number of the recipe, raised whenever the same sources shall give another module.
const RECIPE: u32 = 1;

/// A module, and the compiler that made it.
#[derive(Debug)]
pub struct BuiltModule {
    pub path: PathBuf,
    pub compiler: String,
}

/// Builds the module in `source`, or takes it from `cache` if the same sources have been built before.
pub fn build(
    kernel: &KernelTree,
    source: &Path,
    cache: &Path,
    tell: &dyn Fn(&str),
) -> anyhow::Result<BuiltModule> {
    let compiler = compiler_version(&kernel.compiler)?;
    let files = source_files(source)?;
    let key = key(kernel, &compiler, source, &files)?;
    let dir = cache.join("modules").join(key);
    if !dir.is_dir() {
        tell(&format!("building the module in {}", source.display()));
        make_dir_whole(&dir, |dir| {
            let scratch = tempfile::tempdir_in(cache).context("cannot create a directory")?;
            let scratch = scratch.path().canonicalize()?;
            copy(source, &files, &scratch)?;
            make(kernel, &scratch)?;
            let name = "vexfs.ko";
            fs::copy(scratch.join(name), dir.join(name))
                .with_context(|| format!("{} builds no {name}", source.display()))?;
            Ok(())
        })?;
    }
    Ok(BuiltModule {
        path: dir.join("vexfs.ko"),
        compiler,
    })
}

/// Compiles the module with all warnings (`W=1`), sparse and this `checkpatch.pl --strict`, and fails on any of them.
/// The recipe is that of the module's own Makefile.
pub fn check(
    kernel: &KernelTree,
    checkpatch: &Path,
    source: &Path,
    cache: &Path,
    tell: &dyn Fn(&str),
) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir_in(cache).context("cannot create a directory")?;
    let dir = scratch.path().canonicalize()?;
    let mut files = source_files(source)?;
    files.push("Makefile".into());
    copy(source, &files, &dir)?;
    tell(&format!("checking the module in {}", source.display()));
    let shell = Shell::new()?;
    let KernelTree {
        build_dir,
        variables,
        ..
    } = kernel;
    cmd!(
        shell,
        "make --silent --no-print-directory -C {dir} check KDIR={build_dir} CHECKPATCH={checkpatch} {variables...}"
    )
    .quiet()
    .env_remove("MAKEFLAGS")
    .env("LC_ALL", "C")
    .run()
    .with_context(|| format!("the module in {} is not clean", source.display()))
}

pub fn compiler_version(compiler: &str) -> anyhow::Result<String> {
    let shell = Shell::new()?;
    let version = cmd!(shell, "{compiler} --version")
        .quiet()
        .read()
        .with_context(|| {
            format!("{compiler}, which builds the kernel's modules, does not run: install it")
        })?;
    Ok(version.lines().next().unwrap_or_default().to_owned())
}

/// Lists the files that a module is made of, relative to `source`, in order. Left-overs of a build in the tree itself
/// are not listed.
fn source_files(source: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(dir) = pending.pop() {
        let full = source.join(&dir);
        let entries =
            fs::read_dir(&full).with_context(|| format!("cannot read {}", full.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read {}", full.display()))?;
            let path = dir.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                pending.push(path);
            } else if is_source(&path) {
                files.push(path);
            }
        }
    }
    ensure!(
        files.contains(&PathBuf::from("Kbuild")),
        "{} holds no kernel module: there is no Kbuild file",
        source.display()
    );
    files.sort();
    Ok(files)
}

fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let extension = path.extension().unwrap_or_default();
    // Kbuild makes .mod.c files beside the sources.
    let generated = name.as_encoded_bytes().ends_with(b".mod.c");
    name == "Kbuild" || (!generated && ["c", "h", "S"].iter().any(|known| extension == *known))
}

fn key(
    kernel: &KernelTree,
    compiler: &str,
    source: &Path,
    files: &[PathBuf],
) -> anyhow::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{RECIPE}\0{}\0{compiler}\0", kernel.key).as_bytes());
    for file in files {
        let path = source.join(file);
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        hasher.update(blake3::hash(file.as_os_str().as_encoded_bytes()).as_bytes());
        hasher.update(blake3::hash(&content).as_bytes());
    }
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}

fn copy(source: &Path, files: &[PathBuf], dest: &Path) -> anyhow::Result<()> {
    for file in files {
        let to = dest.join(file);
        let parent = to.parent().context("a file without a directory")?;
        fs::create_dir_all(parent)?;
        fs::copy(source.join(file), &to)
            .with_context(|| format!("cannot copy {} to {}", file.display(), to.display()))?;
    }
    Ok(())
}

/// Compiles the module. Debug information is built, since BTF is made from it, with paths that are the same everywhere.
/// Then it is stripped: what remains is what the kernel loads.
fn make(kernel: &KernelTree, dir: &Path) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let KernelTree {
        build_dir,
        variables,
        ..
    } = kernel;
    let jobs = thread::available_parallelism()
        .map_or(1, usize::from)
        .to_string();
    let root = kernel.root.display();
    let map = format!(
        "-ffile-prefix-map={}=vexfs -ffile-prefix-map={root}=",
        dir.display()
    );
    let flags = ["KCFLAGS", "KAFLAGS"].map(|name| format!("{name}={map}"));
    cmd!(
        shell,
        "make --silent --no-print-directory -j {jobs} -C {build_dir} M={dir} W=1
            KBUILD_BUILD_TIMESTAMP=@1 KBUILD_BUILD_USER=vexfs KBUILD_BUILD_HOST=vexfs {flags...} {variables...} modules"
    )
    .quiet()
    .env_remove("MAKEFLAGS")
    .env("LC_ALL", "C")
    .run()
    .context("the module does not build")?;
    let module = dir.join("vexfs.ko");
    cmd!(shell, "strip --strip-debug {module}")
        .quiet()
        .run()
        .context("cannot strip the module")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_from_what_a_build_leaves() {
        for path in ["fs/main.c", "uapi/vexfs.h", "Kbuild", "head.S"] {
            assert!(is_source(Path::new(path)), "{path}");
        }
        for path in [
            "main.o",
            "vexfs.mod.c",
            "vexfs.ko",
            ".main.o.cmd",
            "Makefile",
        ] {
            assert!(!is_source(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn a_directory_without_kbuild_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("main.c"), "").unwrap();
        let error = source_files(dir.path()).unwrap_err();
        assert!(error.to_string().contains("Kbuild"), "{error}");
    }
}
