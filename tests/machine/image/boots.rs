// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an image leaves behind after machines of all kinds.

use std::fs;
use std::process::Command;

use vexfs::bundle::Bundle;

use crate::image::disk::Image;
use crate::{bundles, faults};

const VIRTIO: &[&str] = &["-device", "virtio-blk-pci,drive=disk"];
const NVME: &[&str] = &["-device", "nvme,drive=disk,serial=vexfs"];
const AHCI: &[&str] = &[
    "-device",
    "ahci,id=ahci",
    "-device",
    "ide-hd,drive=disk,bus=ahci.0",
];

/// A line of the module's own.
const LOADED: &str = "vexfs: distances by";

#[test]
fn an_image_boots_validates_and_powers_off() {
    let bundle = bundles::for_disks();
    let image = Image::new(bundle, &[]);
    let console = image.boot(VIRTIO, "max", true);
    assert!(console.contains("guest: workload 1 of 1"), "{console}");
    assert!(console.contains("verdict: PASS"), "{console}");

    let report = image.report();
    report.assert_verdict(true, "pass", 0);
    let bundle = Bundle::open(bundle).unwrap();
    assert_eq!(report.json["bundle"], bundle.id());
    let build_id = &bundle.manifest().module.identity.build_id;
    report.assert_check("module.identity", "pass", &[build_id]);
    report.assert_check("bundle.intact", "pass", &["3 files"]);
    report.assert_check("machine.guest", "pass", &["TCGTCGTCGTCG"]);
    // Emulated time is no measure, so it is not passed either.
    report.assert_check("kernel.overhead", "skipped", &["plain TCG"]);

    // Its run is a record like any other.
    let pack = image.pack();
    let reproduced = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
        .args(["reproduce", "--json", "--against"])
        .args([&image.path(), &pack])
        .output()
        .unwrap();
    assert_eq!(reproduced.status.code(), Some(0), "{reproduced:?}");
    let reproduced = String::from_utf8(reproduced.stdout).unwrap();
    assert!(reproduced.contains("answers in the guest, kernel"));
}

#[test]
fn on_bare_metal_the_module_is_not_loaded() {
    let image = Image::new(
        bundles::for_disks(),
        &["module.identity", "guest.completed"],
    );
    let console = image.boot(NVME, "max,-hypervisor", true);
    assert!(!console.contains(LOADED), "{console}");
    let report = image.report();
    report.assert_verdict(true, "could-not-run", 2);
    let sentence = ["this machine is not a virtual one", "bare metal"];
    report.assert_check("guest.completed", "could-not-run", &sentence);
}

#[test]
fn a_changed_byte_of_the_initramfs_is_no_pass() {
    let image = Image::new(bundles::for_disks(), &["bundle.intact", "cycles"]);
    let mut bytes = fs::read(image.path()).unwrap();
    // In a sentence of the guest's program, which runs on as if nothing were.
    let sentence = b"the check is blind";
    let found: Vec<_> = (0..bytes.len() - sentence.len())
        .filter(|&at| bytes[at..].starts_with(sentence))
        .collect();
    assert_eq!(found.len(), 1);
    bytes[found[0]] ^= 1;
    fs::write(image.path(), bytes).unwrap();

    let console = image.boot(AHCI, "max", true);
    assert!(!console.contains(LOADED), "{console}");
    let report = image.report();
    report.assert_verdict(true, "could-not-run", 2);
    report.assert_check("bundle.intact", "could-not-run", &["initramfs has BLAKE3"]);
}

#[test]
fn a_wrong_answer_is_a_failure() {
    let bundle = faults::with_faults(
        &[(
            "fs/ioctl.c",
            "vexfs_key_distance(top->keys[i]);",
            "vexfs_key_distance(top->keys[i]) ^ (i == 3);",
        )],
        &["disks"],
    );
    let checks = ["fuse.answers", "kernel.answers"];
    let image = Image::new(&bundle.path().join("bundle"), &checks);
    image.boot(VIRTIO, "max", true);
    let report = image.report();
    report.assert_verdict(true, "fail", 1);
    report.assert_check("fuse.answers", "pass", &[]);
    report.assert_check("kernel.answers", "fail", &["query 0, rank 3"]);
}

#[test]
fn a_crash_is_on_record_and_is_not_repeated() {
    const ANCHOR: &str = "\terr = vexfs_simd_init();\n";
    let fault = format!("\tpanic(\"nothing works any more\");\n{ANCHOR}");
    let bundle = faults::with_faults(&[("fs/main.c", ANCHOR, &fault)], &["disks"]);
    let checks = ["cycles", "kernel.log", "guest.completed"];
    let image = Image::new(&bundle.path().join("bundle"), &checks);

    // Taken away while it lies there.
    let console = image.boot(VIRTIO, "max", false);
    assert!(console.contains("nothing works any more"), "{console}");
    let crashed = |complete| {
        let report = image.report();
        report.assert_verdict(complete, "fail", 13);
        assert_eq!(report.json["run"]["name"], "run-001");
        report.assert_check("cycles", "fail", &["step cycles did not end"]);
        report.assert_check("kernel.log", "could-not-run", &["not saved to its end"]);
        report.assert_check("guest.completed", "fail", &["lost", "in step cycles"]);
    };
    crashed(false);

    // Started again.
    let console = image.boot(VIRTIO, "max", true);
    assert!(
        console.contains("run-001 did not come to its end"),
        "{console}"
    );
    assert!(!console.contains("nothing works any more"), "{console}");
    crashed(true);
}
