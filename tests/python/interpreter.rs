// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Python that has NumPy, h5py and Selenium: see `tests/requirements.txt`.

use std::path::{Path, PathBuf};

/// `VEXFS_PYTHON`, or the one that `make test` sets up, or any.
pub fn python() -> PathBuf {
    let set_up = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python3");
    match std::env::var_os("VEXFS_PYTHON") {
        Some(python) => python.into(),
        None if set_up.exists() => set_up,
        None => "python3".into(),
    }
}
