// SPDX-License-Identifier: MIT OR Apache-2.0
//! Puts a mutant into a copy of the sources. The checkout itself stays as it is.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use super::mutant::Mutant;

/// Applies the mutant's patch to the sources in `root`, which it must fit to the letter.
pub fn plant(mutant: &Mutant, root: &Path) -> Result<()> {
    patch(mutant, root, &[])
}

/// Takes the mutant out of `root` again.
pub fn take_out(mutant: &Mutant, root: &Path) -> Result<()> {
    patch(mutant, root, &["--reverse"])
}

/// Whether the mutant's patch fits the sources in `root`, which stay as they are.
pub fn fits(mutant: &Mutant, root: &Path) -> Result<()> {
    patch(mutant, root, &["--dry-run"])
}

fn patch(mutant: &Mutant, root: &Path, options: &[&str]) -> Result<()> {
    let path = &mutant.patch;
    let shell = Shell::new()?;
    let forward = if options.contains(&"--reverse") {
        None
    } else {
        Some("--forward")
    };
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let output = cmd!(
        shell,
        "patch --batch {forward...} --fuzz=0 --no-backup-if-mismatch --reject-file=- -p1 -d {root} {options...}"
    )
    .quiet()
    .stdin(text)
    .ignore_status()
    .output()
    .context("patch does not run: install it")?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<_> = said.lines().map(str::trim).collect();
    bail!(
        "{} does not fit the sources any more ({}): plant its bug anew",
        path.display(),
        lines.join("; ")
    )
}

/// Makes `to` a copy of the file or directory `from`. What is equal already is not written, so that a build sees no
/// change; what is not in `from` is removed.
pub fn mirror(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return copy_if_other(from, to)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()));
    }
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    let names = names_in(from)?;
    for name in names_in(to)?.difference(&names) {
        remove(&to.join(name))?;
    }
    for name in &names {
        mirror(&from.join(name), &to.join(name))?;
    }
    Ok(())
}

fn copy_if_other(from: &Path, to: &Path) -> std::io::Result<()> {
    let same = match fs::read(to) {
        Ok(there) => there == fs::read(from)?,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if same {
        return Ok(());
    }
    fs::copy(from, to).map(drop)
}

fn names_in(dir: &Path) -> Result<BTreeSet<PathBuf>> {
    let names = fs::read_dir(dir).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| PathBuf::from(entry.file_name())))
            .collect()
    });
    names.with_context(|| format!("cannot read {}", dir.display()))
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::self_test::mutant;

    const PATCH: &str = "Bug: One is two.
Noticed-by: kernel.log

--- a/kernel/one.c
+++ b/kernel/one.c
@@ -1,3 +1,3 @@
 before
-one
+two
 after
";

    /// A mutant of sources that hold this text.
    fn planted_in(text: &str) -> (tempfile::TempDir, Mutant) {
        let dir = tempfile::tempdir().unwrap();
        let class = dir.path().join("mutants/names");
        fs::create_dir_all(&class).unwrap();
        fs::write(class.join("one.patch"), PATCH).unwrap();
        fs::create_dir(dir.path().join("kernel")).unwrap();
        fs::write(dir.path().join("kernel/one.c"), text).unwrap();
        let mutants = mutant::read_all(&dir.path().join("mutants")).unwrap();
        (dir, mutants[0].clone())
    }

    #[test]
    fn a_bug_comes_and_goes() {
        let (dir, mutant) = planted_in("before\none\nafter\n");
        let read = || fs::read_to_string(dir.path().join("kernel/one.c")).unwrap();
        fits(&mutant, dir.path()).unwrap();
        assert_eq!(read(), "before\none\nafter\n");
        plant(&mutant, dir.path()).unwrap();
        assert_eq!(read(), "before\ntwo\nafter\n");
        // Planted already, it does not fit once more.
        assert!(fits(&mutant, dir.path()).is_err());
        take_out(&mutant, dir.path()).unwrap();
        assert_eq!(read(), "before\none\nafter\n");
    }

    #[test]
    fn a_patch_that_fits_no_more_is_named() {
        let (dir, mutant) = planted_in("before\nuno\nafter\n");
        let error = plant(&mutant, dir.path()).unwrap_err().to_string();
        assert!(error.contains("one.patch does not fit"), "{error}");
        // Not even with another context.
        let (dir, mutant) = planted_in("long before\none\nafter\n");
        plant(&mutant, dir.path()).unwrap_err();
        let left = fs::read_dir(dir.path().join("kernel")).unwrap().count();
        assert_eq!(left, 1, "a reject or a backup is left");
    }

    #[test]
    fn a_copy_is_written_where_it_differs_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join("sub/a"), "a").unwrap();
        fs::write(from.join("b"), "b").unwrap();
        mirror(&from, &to).unwrap();
        let written = |name: &str| fs::metadata(to.join(name)).unwrap().modified().unwrap();
        let before = written("sub/a");
        fs::write(to.join("b"), "changed").unwrap();
        fs::write(to.join("c"), "more").unwrap();
        mirror(&from, &to).unwrap();
        assert_eq!(written("sub/a"), before);
        assert_eq!(fs::read_to_string(to.join("b")).unwrap(), "b");
        assert!(!to.join("c").exists());
    }
}
