// SPDX-License-Identifier: MIT OR Apache-2.0
//! Nothing is broken: the checks that faults fail elsewhere pass, and icount repeats to the byte.

use crate::bundles;
use crate::sabotage::run::Run;

#[test]
fn without_a_fault_the_same_checks_pass_and_results_repeat_to_the_byte() {
    let checks = [
        "fuse.host.lifecycle",
        "fuse.host.files",
        "fuse.host.answers",
        "bundle.intact",
        "machine.guest",
        "fuse.dataset",
        "kernel.dataset",
        "fuse.answers",
        "kernel.answers",
        "index.identity",
        "index.answers",
        "index.recall",
        "index.samples",
        "index.following",
        "index.replacing",
        "cycles",
        "slab.leak",
        "kernel.log",
        "kernel.taint",
        "run.repeated",
        "guest.completed",
    ];
    let first = Run::start(bundles::plain(), &checks, &[]).finish();
    first.assert_verdict("pass", 0);
    for id in checks {
        first.assert_check(id, "pass", &[]);
    }

    let second = Run::start(bundles::plain(), &checks, &["--once"]).finish();
    second.assert_verdict("pass", 0);
    assert!(first.results.contains("samples_ns"), "{first}");
    assert_eq!(first.results, second.results);
}
