// SPDX-License-Identifier: MIT OR Apache-2.0
//! The POSIX suites, on the mount and, as the control, on the lower filesystem itself. In a guest they run on the
//! module as well (`tests/machine/suites.rs`).

use std::path::Path;

use vexfs::suites::expected::surprises;
use vexfs::suites::fsx;
use vexfs::suites::pjdfstest::{self, Bench};

use crate::fixture::{Mounted, Store};

const SEED: u64 = 42;
const OPERATIONS: u64 = 3_000;

#[test]
fn pjdfstest_passes_on_the_mount_as_on_the_lower_filesystem() {
    let (mounted, control) = (Mounted::new(), Store::new());
    let other = Store::new();
    for (directory, place) in [(control.path(), "in-process"), (mounted.root(), "fuse")] {
        let bench = Bench {
            directory,
            other: other.path(),
            programs: None,
        };
        let results = pjdfstest::results(Path::new("pjdfstest"), &bench, &|| ()).unwrap();
        let found = surprises(&results, &["tmpfs", place]);
        assert!(found.is_empty(), "{place}: {}", found.join("; "));
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
        let wrong = fsx::wrong(Path::new("fsx"), &file, SEED, OPERATIONS, &|| ()).unwrap();
        assert_eq!(wrong, None, "{}", file.display());
    }
}
