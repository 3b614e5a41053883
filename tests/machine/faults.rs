// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bundles with a fault in their module.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::bundles::{build_for, scratch};

/// A file of the module, text that stands in it once, and what stands there instead.
pub type Fault<'a> = (&'a str, &'a str, &'a str);

/// A bundle for QEMU, in the directory `bundle`, whose module was built from sources with these faults.
pub fn with_faults(faults: &[Fault], roles: &[&str]) -> TempDir {
    with_faults_for("qemu", faults, roles)
}

/// A bundle for this machine with such a module.
pub fn with_faults_for(machine: &str, faults: &[Fault], roles: &[&str]) -> TempDir {
    let dir = scratch();
    let source = dir.path().join("kernel");
    copy_tree(Path::new("kernel"), &source);
    for (file, anchor, replacement) in faults {
        let path = source.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(anchor).count(), 1, "{anchor:?} in {file}");
        fs::write(&path, text.replace(anchor, replacement)).unwrap();
    }
    build_for(machine, &source, roles, &dir.path().join("bundle"));
    dir
}

pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
