// SPDX-License-Identifier: MIT OR Apache-2.0
//! The POSIX suites, on the mount and, as the control, on the lower filesystem itself.

use std::path::Path;

use crate::fixture::{Mounted, Store};
use crate::posix_suites::{fsx, pjdfstest};

const SEED: u64 = 42;
const OPERATIONS: u64 = 3_000;

#[test]
fn pjdfstest_passes_on_the_mount_as_on_the_lower_filesystem() {
    let (mounted, control) = (Mounted::new(), Store::new());
    for directory in [control.path(), mounted.root()] {
        if let Err(failure) = pjdfstest(Path::new("pjdfstest"), directory) {
            panic!("{}: {failure}", directory.display());
        }
    }
}

#[test]
fn fsx_finds_the_data_that_it_wrote() {
    let (mounted, control) = (Mounted::new(), Store::new());
    let files = [
        control.path().join("f"),
        mounted.path("f"),
        // Vector files are served without the page cache.
        mounted.path("f.fvecs"),
    ];
    for file in files {
        if let Err(failure) = fsx(Path::new("fsx"), &file, SEED, OPERATIONS) {
            panic!("{}: {failure}", file.display());
        }
    }
}
