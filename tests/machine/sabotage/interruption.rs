// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate` itself is told to stop, or killed: nothing of it stays.

use nix::sys::signal::Signal;

use crate::bundles;
use crate::sabotage::run::Run;

const SIGNALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL];

#[test]
fn an_interrupted_run_leaves_no_qemu() {
    for signal in SIGNALS {
        let mut run = Run::start(bundles::plain(), &["kernel.log"], &[]);
        run.helper(&["-initrd", "-kernel"]);
        assert_ends_by(signal, run);
    }
}

#[test]
fn an_interrupted_run_leaves_no_user_mode_linux() {
    for signal in SIGNALS {
        let mut run = Run::start(bundles::for_uml(), &["kernel.log"], &["--accel", "uml"]);
        run.helper(&["noreboot", "mem=1024M"]);
        assert_ends_by(signal, run);
    }
}

#[test]
fn an_interrupted_run_leaves_no_mount_on_the_host() {
    for signal in SIGNALS {
        let mut run = Run::start(bundles::plain(), &["fuse.host.answers"], &[]);
        run.wait_for("mount", |run| run.mounts().pop());
        assert_ends_by(signal, run);
    }
}

fn assert_ends_by(signal: Signal, run: Run) {
    run.signal(signal);
    assert_eq!(run.finish().status, 128 + signal as i32);
}
