// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs the Python that has NumPy, h5py and Selenium (`tests/requirements.txt`).

use std::path::{Path, PathBuf};
use std::process::Command;

/// The path of the Python: `VEXFS_PYTHON`, or the one that `make test` sets up, or any.
pub fn python() -> PathBuf {
    let set_up = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python3");
    match std::env::var_os("VEXFS_PYTHON") {
        Some(python) => python.into(),
        None if set_up.exists() => set_up,
        None => "python3".into(),
    }
}

/// Runs a program in `folder`.
pub fn run_python(program: &str, folder: &Path) {
    let output = Command::new(python())
        .arg("-c")
        .arg(program)
        .current_dir(folder)
        .output()
        .expect("python3 is needed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "Python did not do its part (NumPy and h5py are needed: make test, or pip install -r tests/requirements.txt):\n{errors}"
    );
}
