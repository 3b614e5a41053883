// SPDX-License-Identifier: MIT OR Apache-2.0
//! The dev shell of Nix: nothing there is fetched from Debian or Python's registry, and nothing installed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a target of the Makefile would do in the dev shell.
fn planned(target: &str) -> String {
    let output = Command::new("make")
        .args(["--dry-run", "--no-print-directory", target])
        .current_dir(root())
        .env("VEXFS_DEV_SHELL", "1")
        .env_remove("MAKEFLAGS")
        .output()
        .unwrap();
    assert!(output.status.success(), "make {target}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn its_targets_leave_debian_and_pythons_registry_alone() {
    for (target, does) in [
        ("validate", "nix run .#validate-peers -- --accel auto"),
        ("test", "nix flake check"),
        ("nix", "nix flake check"),
        (
            "bundle",
            "nix build --out-link out/debug-bundle .#uml-debug-bundle",
        ),
        ("shell", "nix build --out-link out/uml-bundle .#uml-bundle"),
        (
            "lint-kernel",
            "nix build --no-link -L .#checks.x86_64-linux.module",
        ),
        ("check", "--test search --test fuse"),
    ] {
        let planned = planned(target);
        assert!(planned.contains(does), "make {target}: {planned}");
        for other in [
            "vexfs-validate bundle",
            "pip",
            "peers/install.sh",
            "apt",
            "get-nix",
        ] {
            assert!(!planned.contains(other), "make {target}: {planned}");
        }
    }
    let refused = Command::new("make")
        .arg("validate-deep")
        .current_dir(root())
        .env("VEXFS_DEV_SHELL", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("make validate-deep takes Debian 12"),
        "{said}"
    );
}

/// Every program that the script looks for.
const PROGRAMS: &str = "gcc ld make bc bison flex patch perl pahole sparse xz python3 fusermount3 git shellcheck ccache";

/// Calls the script that looks for tools where there are these, an apt-get that tells of itself, and what the script
/// itself takes.
fn tools(programs: &[&str], dev_shell: bool) -> (Output, bool) {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let asked = folder.path().join("asked");
    let program = |name: &str, text: &str| {
        fs::write(bin.join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    };
    for name in programs {
        program(name, "exit 0");
    }
    program("qemu-system-x86_64", "echo QEMU emulator version 9.1");
    program("apt-get", &format!("echo >'{}'; exit 1", asked.display()));
    for name in ["bash", "env", "id", "realpath", "sed"] {
        symlink(format!("/usr/bin/{name}"), bin.join(name)).unwrap();
    }
    let mut command = Command::new("/usr/bin/bash");
    command
        .arg(root().join("vm/install-host-tools.sh"))
        .env_clear()
        .env("PATH", &bin);
    if dev_shell {
        command.env("VEXFS_DEV_SHELL", "1");
    }
    (command.output().unwrap(), asked.exists())
}

#[test]
fn what_it_lacks_is_named_and_never_installed() {
    let all: Vec<&str> = PROGRAMS.split(' ').collect();
    let (output, installed) = tools(&all, true);
    assert!(output.status.success() && !installed, "{output:?}");
    assert!(
        output.stderr.is_empty() && output.stdout.is_empty(),
        "{output:?}"
    );

    let fewer: Vec<&str> = all
        .iter()
        .copied()
        .filter(|name| *name != "sparse")
        .collect();
    let (output, installed) = tools(&fewer, true);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(
        said,
        "The dev shell lacks what VexFS needs: sparse. nix/shell.nix should have it.\n"
    );
    assert!(!installed);
    // Outside of it, root installs; the control of this test.
    let (_, installed) = tools(&fewer, false);
    assert!(installed);
}
