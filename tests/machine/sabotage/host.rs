// SPDX-License-Identifier: MIT OR Apache-2.0
//! The FUSE driver on the host dies midway.

use std::path::PathBuf;

use nix::sys::signal::Signal;

use crate::bundles;
use crate::sabotage::run::Run;

#[test]
fn a_killed_fuse_driver_fails_its_checks_and_leaves_no_mount() {
    let checks = [
        "fuse.host.lifecycle",
        "fuse.host.files",
        "fuse.host.answers",
    ];
    let mut run = Run::start(bundles::plain(), &checks, &[]);
    let driver = run.helper(&["vexfs", "mount"]);
    let store = PathBuf::from(&driver.command[2]);
    // Its operations on files are done by then, and its searches are not.
    run.wait_for("vector file", |_| {
        store.join("vectors.fvecs").exists().then_some(())
    });
    driver.signal(Signal::SIGKILL);
    let report = run.finish();
    report.assert_verdict("fail", 1);
    report.assert_check("fuse.host.files", "pass", &[]);
    report.assert_check("fuse.host.answers", "fail", &["vectors.fvecs"]);
    let sentence = ["the FUSE driver died midway", "SIGKILL"];
    report.assert_check("fuse.host.lifecycle", "fail", &sentence);
}
