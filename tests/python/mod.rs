// SPDX-License-Identifier: MIT OR Apache-2.0
//! What other programs write, for tests to read: see `tests/requirements.txt`.

mod interpreter;

use std::path::Path;
use std::process::Command;

/// Runs a program in `folder`.
pub fn run_python(program: &str, folder: &Path) {
    let output = Command::new(interpreter::python())
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
