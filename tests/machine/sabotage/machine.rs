// SPDX-License-Identifier: MIT OR Apache-2.0
//! A virtual machine that is taken away, a bundle that was tampered with, an accelerator that is not there.

use std::fs;

use nix::sys::signal::Signal;

use crate::sabotage::run::Run;
use crate::{bundles, faults};

const CHECKS: [&str; 2] = ["machine.guest", "guest.completed"];

#[test]
fn a_killed_qemu_is_a_lost_machine() {
    let mut run = Run::start(bundles::plain(), &CHECKS, &["--once"]);
    run.helper(&["-initrd", "-kernel"]).signal(Signal::SIGKILL);
    let report = run.finish();
    report.assert_verdict("fail", 13);
    report.assert_check("guest.completed", "fail", &["lost", "killed by signal 9"]);
    report.assert_check("machine.guest", "could-not-run", &["identity"]);
}

#[test]
fn a_stopped_qemu_is_a_hang() {
    let arguments = ["--once", "--patience", "2"];
    let mut run = Run::start(bundles::plain(), &CHECKS, &arguments);
    run.helper(&["-initrd", "-kernel"]).signal(Signal::SIGSTOP);
    let report = run.finish();
    report.assert_verdict("fail", 12);
    let sentence = ["hangs", "nothing for 2 s after QEMU's start"];
    report.assert_check("guest.completed", "fail", &sentence);
}

/// How a run in User-Mode Linux is called. Its probe has less memory than the run itself.
const UML: [&str; 3] = ["--once", "--accel", "uml"];
const UML_KERNEL: [&str; 2] = ["noreboot", "mem=1024M"];

#[test]
fn a_killed_user_mode_linux_is_a_lost_machine() {
    let mut run = Run::start(bundles::for_uml(), &CHECKS, &UML);
    run.helper(&UML_KERNEL).signal(Signal::SIGKILL);
    let report = run.finish();
    report.assert_verdict("fail", 13);
    let sentence = ["lost", "User-Mode Linux was killed by signal 9"];
    report.assert_check("guest.completed", "fail", &sentence);
}

#[test]
fn a_stopped_user_mode_linux_is_a_hang() {
    let arguments = [&UML[..], &["--patience", "2"]].concat();
    let mut run = Run::start(bundles::for_uml(), &CHECKS, &arguments);
    run.helper(&UML_KERNEL).signal(Signal::SIGSTOP);
    let report = run.finish();
    report.assert_verdict("fail", 12);
    let sentence = ["hangs", "nothing for 2 s after"];
    report.assert_check("guest.completed", "fail", &sentence);
}

#[test]
fn a_changed_byte_of_the_bundle_is_refused() {
    let dir = bundles::scratch();
    let bundle = dir.path().join("bundle");
    faults::copy_tree(bundles::plain(), &bundle);
    let module = bundle.join("vexfs.ko");
    let mut bytes = fs::read(&module).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&module, bytes).unwrap();

    let checks = ["bundle.intact", "guest.completed"];
    let report = Run::start(&bundle, &checks, &[]).finish();
    report.assert_verdict("could-not-run", 2);
    report.assert_check("bundle.intact", "could-not-run", &["vexfs.ko"]);
    report.assert_check("guest.completed", "could-not-run", &["bundle"]);
}

#[test]
fn a_module_for_another_kernel_is_refused_before_any_boot() {
    let dir = bundles::scratch();
    let bundle = dir.path().join("bundle");
    faults::copy_tree(bundles::plain(), &bundle);
    let hash = |bytes: &[u8]| blake3::hash(bytes).to_string();
    let module = bundle.join("vexfs.ko");
    let mut bytes = fs::read(&module).unwrap();
    let before = hash(&bytes);
    let vermagic = b"vermagic=6.12.";
    let found = |window: &[u8]| window == vermagic;
    let at = bytes.windows(vermagic.len()).position(found).unwrap();
    bytes[at + b"vermagic=".len()] = b'7';
    fs::write(&module, &bytes).unwrap();
    let manifest = bundle.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace(&before, &hash(&bytes))).unwrap();

    let checks = ["bundle.intact", "guest.completed"];
    let report = Run::start(&bundle, &checks, &[]).finish();
    report.assert_verdict("could-not-run", 2);
    let sentence = [
        "vexfs.ko was built for the kernel 7.12.",
        "the kernel of this bundle is 6.12.",
    ];
    report.assert_check("bundle.intact", "could-not-run", &sentence);
    report.assert_check("guest.completed", "could-not-run", &["bundle"]);
}

#[test]
fn kvm_is_never_replaced_by_something_else() {
    let arguments = ["--accel", "kvm", "--once"];
    let report = Run::start(bundles::plain(), &CHECKS, &arguments).finish();
    match report.accelerator() {
        Some(accelerator) => {
            assert_eq!(accelerator, "kvm");
            report.assert_verdict("pass", 0);
        }
        None => {
            report.assert_verdict("could-not-run", 2);
            let sentence = ["KVM was asked for and does not work here", "/dev/kvm"];
            report.assert_check("guest.completed", "could-not-run", &sentence);
        }
    }
}
