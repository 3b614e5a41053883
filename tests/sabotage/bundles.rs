// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bundles, whole and with a fault in their module; what they are for is said by the tests.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_vexfs-validate");

/// The bundle of this checkout; one for all tests.
pub fn whole() -> &'static Path {
    static BUNDLE: OnceLock<std::path::PathBuf> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(crate::BUNDLE);
        build(Path::new("kernel"), &out);
        out
    })
}

/// A file of the module, text that stands in it once, and what stands there instead.
pub type Fault<'a> = (&'a str, &'a str, &'a str);

/// A bundle whose module was built from sources with these faults.
pub fn with_faults(faults: &[Fault]) -> TempDir {
    let dir = scratch();
    let source = dir.path().join("kernel");
    copy_tree(Path::new("kernel"), &source);
    for (file, anchor, replacement) in faults {
        let path = source.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(anchor).count(), 1, "{anchor:?} in {file}");
        fs::write(&path, text.replace(anchor, replacement)).unwrap();
    }
    build(&source, &dir.path().join("bundle"));
    dir
}

/// A directory on the disk of the build, since a bundle is large.
pub fn scratch() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
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

fn build(module_source: &Path, out: &Path) {
    let status = Command::new(BINARY)
        .arg("bundle")
        .args(crate::BUNDLE_ARGUMENTS)
        .arg("--module-source")
        .arg(module_source)
        .arg("--out")
        .arg(out)
        .status()
        .unwrap();
    assert!(status.success(), "the bundle is not built: {status}");
}
