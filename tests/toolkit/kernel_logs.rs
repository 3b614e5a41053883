// SPDX-License-Identifier: MIT OR Apache-2.0
//! Consoles as guests have left them, healthy and not, and what the scan makes of each.

use std::fs;
use std::path::Path;

use jiff::civil::date;
use vexfs::machine::kernel_log::{Scan, scan};

fn scan_file(name: &str) -> Scan {
    let path = Path::new("tests/data/kernel_logs")
        .join(name)
        .with_extension("txt");
    let log = fs::read(&path).unwrap();
    scan(&String::from_utf8_lossy(&log), &[], date(2026, 11, 23))
}

/// Each log with what its first finding says.
const FAULTY: [(&str, &str); 13] = [
    ("beginning-lost", ""),
    ("busy-inodes", "Busy inodes after unmount of vexfs"),
    ("hung-task", "blocked for more than 120 seconds"),
    ("kasan", "slab-out-of-bounds in vexfs_topk_push"),
    ("kmemleak", "3 new suspected memory leaks"),
    ("lockdep", "possible circular locking"),
    ("null-dereference", "NULL pointer dereference"),
    ("rcu-stall", "self-detected stall"),
    ("segfault", "segfault at 0"),
    ("slab-leak", "Objects remaining on __kmem_cache_shutdown"),
    ("soft-lockup", "soft lockup - CPU#0"),
    ("uml-fault", "Kernel mode fault at addr 0x0"),
    ("warning", "snapshot.c:118"),
];

#[test]
fn a_healthy_log_is_clean() {
    let found = scan_file("clean");
    assert!(found.is_clean(), "{:?}", found.findings);
    assert!(found.kernel_lines > 10);
}

#[test]
fn each_fault_is_found() {
    for (name, text) in FAULTY {
        let found = scan_file(name);
        let first = found
            .findings
            .first()
            .unwrap_or_else(|| panic!("{name} is not clean"));
        assert!(first.text.contains(text), "{name}: {first:?}");
    }
}

#[test]
fn every_log_is_in_the_table() {
    let files = fs::read_dir("tests/data/kernel_logs").unwrap().count();
    assert_eq!(files, FAULTY.len() + 1);
}
