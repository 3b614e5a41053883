// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Python that has the other engines (`peers/requirements.txt`).

use std::path::Path;

pub fn python() -> &'static Path {
    let python = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/target/peers/bin/python"
    ));
    assert!(
        python.exists(),
        "the peers are not installed: make target/peers/installed"
    );
    python
}
