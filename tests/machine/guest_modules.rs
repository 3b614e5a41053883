// SPDX-License-Identifier: MIT OR Apache-2.0
//! Guests that load modules of their kernel before anything else, booted for real.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use vexfs::bundle::Bundle;
use vexfs::bundle::assemble::{Parts, Provenance, assemble};
use vexfs::bundle::debian::{DEFAULT, DebianKernel, Pin};
use vexfs::bundle::guest_modules::Role;
use vexfs::bundle::machine_kind::MachineKind;
use vexfs::bundle::source_tree::SourceTree;
use vexfs::bundle::{guest_program, kernel_module};
use vexfs::machine::qemu::Mode;
use vexfs::machine::session::{Ending, follow};
use vexfs::machine::{Machine, input};
use vexfs::protocol::results::{Identity, StepData};
use vexfs::protocol::{Accelerator, Message, Outcome, Step};

use crate::boot::{DEADLINES, config, plan, qemu};
use crate::bundles::scratch;

/// Debian's kernel, and what is built for it.
fn parts() -> Parts {
    let tree = SourceTree::find().unwrap();
    let (cache, report) = (tree.cache(), |line: &str| eprintln!("{line}"));
    let pin = Pin::named(&tree, DEFAULT).unwrap();
    let kernel = DebianKernel::obtain(pin, &cache, &report).unwrap();
    let module =
        kernel_module::build(&kernel.tree(), &tree.module_source(), &cache, &report).unwrap();
    let guest = guest_program::build(&tree, &report).unwrap();
    Parts {
        machine: MachineKind::Qemu,
        kernel_image: kernel.image(),
        kernel_modules: kernel.modules(),
        roles: vec![Role::Disks],
        module: module.path,
        guest_program: guest.path,
        suites: None,
        provenance: Provenance {
            kernel: kernel.record().unwrap(),
            module_compiler: module.compiler,
            guest_compiler: guest.compiler,
        },
    }
}

/// How a boot of the bundle ends, and what the guest says that it is.
fn boot(bundle: &Bundle) -> (Ending, Option<Identity>) {
    let logs = tempfile::tempdir().unwrap();
    let plan = plan(Accelerator::Icount, vec![Step::Identity]);
    let config = config(logs.path());
    let mut machine =
        Machine::boot(&qemu(Mode::Icount), bundle, &config, &input(&plan, None)).unwrap();
    let mut identity = None;
    let ending = follow(&mut machine, &DEADLINES, |message| {
        if let Message::StepFinished {
            outcome: Outcome::Ok { data },
            ..
        } = message
            && let StepData::Identity(found) = *data
        {
            identity = Some(found);
        }
    })
    .unwrap();
    (ending, identity)
}

#[test]
fn a_guest_for_disks_loads_its_drivers_in_order() {
    let dir = scratch();
    let bundle = assemble(&parts(), &dir.path().join("bundle")).unwrap();
    let packed = bundle.manifest().guest.modules.iter();
    let packed: Vec<_> = packed.map(|module| module.name.as_str()).collect();
    let place = |name| packed.iter().position(|packed| *packed == name).unwrap();
    assert!(place("scsi_mod") < place("sd_mod") && place("libata") < place("ahci"));
    assert!(!packed.contains(&"ext4"), "Debian's kernel has it built in");

    let (ending, identity) = boot(&bundle);
    assert_eq!(ending, Ending::Completed);
    let identity = identity.unwrap();
    assert_eq!(identity.modules, packed);
    assert_eq!(
        identity.taint, 0,
        "the kernel's own modules do not taint it"
    );
}

/// A copy of a tree of modules in which one byte of the module `name` is changed.
fn with_changed(tree: &Path, name: &str, dest: &Path) {
    let status = Command::new("cp")
        .arg("--recursive")
        .args([tree, dest])
        .status()
        .unwrap();
    assert!(status.success());
    let found = Command::new("find")
        .arg(dest)
        .args(["-name", &format!("{name}.ko.xz")])
        .output()
        .unwrap();
    let packed = PathBuf::from(String::from_utf8(found.stdout).unwrap().trim_end());
    let status = Command::new("xz").arg("--decompress").arg(&packed).status();
    assert!(status.unwrap().success());
    let file = packed.with_extension("");
    let mut content = fs::read(&file).unwrap();
    // The ELF header's machine: neither x86-64 now, nor what Debian has signed.
    content[18] ^= 1;
    fs::write(&file, content).unwrap();
}

#[test]
fn a_module_that_the_kernel_refuses_is_named() {
    let dir = scratch();
    let mut parts = parts();
    let tree = dir.path().join("modules");
    with_changed(&parts.kernel_modules, "virtio_blk", &tree);
    parts.kernel_modules = tree;
    let bundle = assemble(&parts, &dir.path().join("bundle")).unwrap();
    let (ending, identity) = boot(&bundle);
    assert!(
        matches!(&ending, Ending::GuestError { reason }
            if reason.contains("cannot load the kernel's module virtio_blk: EKEYREJECTED")),
        "{ending}"
    );
    assert_eq!(identity, None);
}
