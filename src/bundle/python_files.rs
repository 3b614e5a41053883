// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that an interpreter needs to run somewhere else: itself, its modules, and the shared libraries of all of
//! these.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A script by which the interpreter tells its paths, without modules of the user's.
const SCRIPT: &str = "import json, sys; print(json.dumps({'executable': sys.executable, 'prefix': sys.prefix, 'path': sys.path}))";

#[derive(Deserialize)]
struct Interpreter {
    executable: PathBuf,
    prefix: PathBuf,
    path: Vec<PathBuf>,
}

/// Directories of modules that are left out: those of other packages, which the interpreter names itself if it wants
/// them, and those that no program needs.
const LEFT_OUT: [&str; 5] = [
    "site-packages",
    "dist-packages",
    "test",
    "idlelib",
    "ensurepip",
];

/// The list in which the loader looks for libraries that have no path.
const LOADER_CACHE: &str = "/etc/ld.so.cache";

/// The files and directories, by path from the root on.
#[derive(Debug, Default)]
pub struct PythonFiles {
    entries: BTreeMap<PathBuf, Entry>,
}

#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Directory,
    Link(PathBuf),
    File {
        size: u64,
        mode: u32,
        changed: (i64, i64),
    },
}

impl PythonFiles {
    pub fn of(python: &Path) -> Result<PythonFiles> {
        let interpreter = ask(python)?;
        let mut files = PythonFiles::default();
        for path in [python, &interpreter.executable] {
            files.add(path)?;
        }
        // A virtual environment is known by it.
        let configuration = interpreter.prefix.join("pyvenv.cfg");
        for path in [configuration.as_path(), Path::new(LOADER_CACHE)] {
            if path.exists() {
                files.add(path)?;
            }
        }
        for modules in interpreter.path.iter().filter(|path| path.exists()) {
            files.add_tree(modules, &LEFT_OUT)?;
        }
        for library in libraries(&files.programs()?)? {
            files.add(&library)?;
        }
        Ok(files)
    }

    /// Collects all that is below these paths, which together need nothing else.
    pub fn of_closure<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<PythonFiles> {
        let mut files = PythonFiles::default();
        for path in paths {
            files.add_tree(path, &[])?;
        }
        Ok(files)
    }

    /// A hash of the names, sizes and times of all files: it stays while the files stay.
    pub fn key(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (path, entry) in &self.entries {
            hasher.update(format!("{path:?} {entry:?}\n").as_bytes());
        }
        hasher.finalize().to_string()
    }

    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Whether any of the files lies in a directory.
    pub fn any_below(&self, dir: &Path) -> bool {
        self.entries.keys().any(|path| path.starts_with(dir))
    }

    /// The bytes of all files, each rounded up to whole blocks.
    pub fn bytes(&self, block: u64) -> u64 {
        let blocks = self.entries.values().map(|entry| match entry {
            Entry::File { size, .. } => size.div_ceil(block),
            Entry::Directory | Entry::Link(_) => 1,
        });
        blocks.sum::<u64>() * block
    }

    /// Copies all files below `root`.
    pub fn copy_to(&self, root: &Path) -> Result<()> {
        for (path, entry) in &self.entries {
            let copy = root.join(path.strip_prefix("/")?);
            let made = match entry {
                Entry::Directory => fs::create_dir_all(&copy),
                Entry::Link(to) => symlink(to, &copy),
                Entry::File { mode, .. } => fs::copy(path, &copy).and_then(|_| {
                    let readable = fs::Permissions::from_mode(mode | 0o444);
                    fs::set_permissions(&copy, readable)
                }),
            };
            made.with_context(|| format!("cannot copy {}", path.display()))?;
        }
        Ok(())
    }

    /// Adds a file, the directories in which it lies, and what each link on the way leads to.
    fn add(&mut self, path: &Path) -> Result<()> {
        let mut so_far = PathBuf::from("/");
        let mut rest = path.components();
        while let Some(component) = rest.next() {
            match component {
                Component::Normal(name) => so_far.push(name),
                Component::ParentDir => {
                    so_far.pop();
                    continue;
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => continue,
            }
            let known = self.entries.contains_key(&so_far);
            let described = fs::symlink_metadata(&so_far).with_context(|| cannot_read(&so_far))?;
            let entry = if described.is_symlink() {
                let to = fs::read_link(&so_far).with_context(|| cannot_read(&so_far))?;
                let target = so_far.with_file_name("").join(&to).join(rest.as_path());
                if !known {
                    self.entries.insert(so_far, Entry::Link(to));
                }
                return self.add(&target);
            } else if described.is_dir() {
                Entry::Directory
            } else {
                Entry::File {
                    size: described.size(),
                    mode: described.mode(),
                    changed: (described.mtime(), described.mtime_nsec()),
                }
            };
            if !known {
                self.entries.insert(so_far.clone(), entry);
            }
        }
        Ok(())
    }

    /// Adds all that is below a directory, except directories of the names `left_out` right below it.
    fn add_tree(&mut self, path: &Path, left_out: &[&str]) -> Result<()> {
        self.add(path)?;
        if !path.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(path).with_context(|| cannot_read(path))? {
            let entry = entry?;
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            let name = name.to_string_lossy();
            if kind.is_dir() {
                if !left_out.contains(&name.as_ref()) {
                    self.add_tree(&entry.path(), &[])?;
                }
            } else if entry.path().exists() && !name.ends_with(".a") {
                self.add(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The files that have shared libraries.
    fn programs(&self) -> Result<Vec<&Path>> {
        let mut found = Vec::new();
        for (path, entry) in &self.entries {
            let library = || path.to_string_lossy().contains(".so");
            if let Entry::File { mode, .. } = entry
                && (mode & 0o111 != 0 || library())
                && is_elf(path)?
            {
                found.push(path.as_path());
            }
        }
        Ok(found)
    }
}

fn ask(python: &Path) -> Result<Interpreter> {
    let asked = Command::new(python)
        .args(["-I", "-c", SCRIPT])
        .output()
        .with_context(|| format!("cannot run {}", python.display()))?;
    ensure!(
        asked.status.success(),
        "{} cannot say where its modules are: {}",
        python.display(),
        String::from_utf8_lossy(&asked.stderr).trim()
    );
    serde_json::from_slice(&asked.stdout)
        .with_context(|| format!("{} does not say where its modules are", python.display()))
}

fn is_elf(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(4).read_to_end(&mut start))
        .with_context(|| cannot_read(path))?;
    Ok(start == *b"\x7fELF")
}

/// The libraries that the system's loader finds for all that these programs need.
fn libraries(programs: &[&Path]) -> Result<Vec<PathBuf>> {
    let asked = Command::new("ldd")
        .args(programs)
        .output()
        .context("cannot run ldd, which tells what libraries a program needs")?;
    // One that the loader refuses is none that a program here could load either.
    Ok(paths_in(&String::from_utf8_lossy(&asked.stdout)))
}

/// The paths in the loader's lines, such as `libz.so.1 => /lib/libz.so.1 (0x7f…)` and `/lib64/ld-linux-x86-64.so.2
/// (0x7f…)`.
fn paths_in(said: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = said
        .lines()
        .filter(|line| line.starts_with('\t'))
        .filter_map(|line| {
            let (before, _address) = line.trim().rsplit_once(" (")?;
            let path = before.split_once(" => ").map_or(before, |(_, path)| path);
            path.starts_with('/').then(|| path.into())
        })
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_as_the_loader_finds_them() {
        let said = "/a/b.so:\n\tlinux-vdso.so.1 (0x00007ffd)\n\tlibz.so.1 => /lib/libz.so.1 (0x00007f26)\n\tlibx.so => not found\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f27)\n/c.so:\n\tstatically linked\n\tlibz.so.1 => /lib/libz.so.1 (0x00007f29)\n";
        let expected = ["/lib/libz.so.1", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(paths_in(said), expected.map(PathBuf::from));
    }

    #[test]
    fn links_on_the_way_come_along_with_what_they_lead_to() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        fs::create_dir_all(dir.join("real/deep")).unwrap();
        fs::write(dir.join("real/deep/file"), "content").unwrap();
        symlink("real", dir.join("link")).unwrap();
        symlink("../deep/file", dir.join("real/deep/again")).unwrap();
        let mut files = PythonFiles::default();
        files.add(&dir.join("link/deep/again")).unwrap();

        let copy = tempfile::tempdir().unwrap();
        files.copy_to(copy.path()).unwrap();
        let copied = copy.path().join(dir.strip_prefix("/").unwrap());
        let through = fs::read_to_string(copied.join("link/deep/again")).unwrap();
        assert_eq!(through, "content");
        assert_eq!(
            fs::read_link(copied.join("link")).unwrap(),
            Path::new("real")
        );
    }

    #[test]
    fn a_changed_file_changes_the_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("module.py");
        let key = |content: &str| {
            fs::write(&path, content).unwrap();
            let mut files = PythonFiles::default();
            files.add_tree(dir.path(), &[]).unwrap();
            files.key()
        };
        assert_ne!(key("a = 1"), key("a = 10"));
    }
}
