// SPDX-License-Identifier: MIT OR Apache-2.0
//! The checkout that a bundle is built from, and where it keeps what need not be built again.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The root of a checkout of VexFS.
#[derive(Debug, Clone)]
pub struct SourceTree {
    root: PathBuf,
}

impl SourceTree {
    /// The checkout that the current directory is in.
    pub fn find() -> anyhow::Result<SourceTree> {
        let here = env::current_dir().context("cannot tell the current directory")?;
        SourceTree::above(&here)
    }

    fn above(start: &Path) -> anyhow::Result<SourceTree> {
        for root in start.ancestors() {
            if root.join("kernel/uapi/vexfs.h").is_file() && root.join("Cargo.toml").is_file() {
                return Ok(SourceTree {
                    root: root.to_owned(),
                });
            }
        }
        bail!(
            "{} is not inside a checkout of VexFS: change to one",
            start.display()
        );
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn module_source(&self) -> PathBuf {
        self.root.join("kernel")
    }

    /// The directory of the pinned kernels, each `NAME.json`.
    pub fn kernel_pins(&self) -> PathBuf {
        self.root.join("vm/kernels")
    }

    pub fn busybox_pin(&self) -> PathBuf {
        self.root.join("vm/busybox.json")
    }

    /// The directory of downloads and intermediate results; safe to delete.
    pub fn cache(&self) -> PathBuf {
        self.root.join("target/vexfs")
    }
}

/// Makes the directory `dest` by `fill`ing an empty one beside it, so that `dest` is there in full or not at all.
pub fn make_dir_whole(
    dest: &Path,
    fill: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let parent = dest.parent().context("the root cannot be replaced")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let partial = tempfile::Builder::new()
        .prefix(".partial-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot create a directory in {}", parent.display()))?;
    let content = partial.path().join("content");
    fs::create_dir(&content).with_context(|| format!("cannot create {}", content.display()))?;
    fill(&content)?;
    if dest.exists() {
        fs::rename(dest, partial.path().join("old"))
            .with_context(|| format!("cannot replace {}", dest.display()))?;
    }
    fs::rename(&content, dest).with_context(|| format!("cannot create {}", dest.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_found_from_within() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("kernel/uapi")).unwrap();
        fs::create_dir_all(root.join("src/deep")).unwrap();
        fs::write(root.join("kernel/uapi/vexfs.h"), "").unwrap();
        assert!(SourceTree::above(&root.join("src/deep")).is_err());
        fs::write(root.join("Cargo.toml"), "").unwrap();
        assert_eq!(
            SourceTree::above(&root.join("src/deep")).unwrap().root(),
            root
        );
    }

    #[test]
    fn a_directory_is_replaced_as_a_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let dest = dir.path().join("dest");
        let write =
            |text: &'static str| move |partial: &Path| Ok(fs::write(partial.join("file"), text)?);
        make_dir_whole(&dest, write("one")).unwrap();
        make_dir_whole(&dest, write("two")).unwrap();
        make_dir_whole(&dest, |_| bail!("half way")).unwrap_err();
        assert_eq!(fs::read_to_string(dest.join("file")).unwrap(), "two");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing else is left"
        );
    }
}
