// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bundles; what they are for is said by the tests.

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

/// A directory on the disk of the build, since a bundle is large.
pub fn scratch() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// From these sources of the module.
pub fn build(module_source: &Path, out: &Path) {
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
