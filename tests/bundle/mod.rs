// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bundle of this checkout, for tests that boot it as it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Made by the first test that asks for it.
pub fn whole() -> &'static Path {
    static BUNDLE: OnceLock<PathBuf> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bundle");
        let status = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
            .args(["bundle", "--out"])
            .arg(&dir)
            .status()
            .unwrap();
        assert!(status.success(), "the bundle is not built: {status}");
        dir
    })
}
