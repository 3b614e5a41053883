// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bundles and peers that are derivations of Nix: each is built when a run needs it, and not before. A program in the
//! place of nix-store writes down what it is asked for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::criteria;

/// What the commands of the flake name (nix/command.nix).
const GIVEN: [&str; 10] = [
    "--qemu-bundle",
    "qemu.drv",
    "--uml-bundle",
    "uml.drv",
    "--debug-bundle",
    "debug.drv",
    "--peers",
    "peers.drv/bin/python3",
    "--peers-disk",
    "disk.drv",
];

/// Writes down its arguments, and names what is built: `built/` and the derivation's name.
const NIX_STORE: &str = r#"#!/bin/sh
echo "$@" >>asked
echo "$PWD/built/$2"
"#;

struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        for name in ["qemu", "uml", "debug", "peers", "disk"] {
            fs::write(place.path().join(format!("{name}.drv")), "").unwrap();
        }
        let python = place.path().join("built/peers.drv/bin/python3");
        fs::create_dir_all(python.parent().unwrap()).unwrap();
        fs::write(python, "").unwrap();
        place.nix_store(NIX_STORE);
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn nix_store(&self, program: &str) {
        let bin = self.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("nix-store"), program).unwrap();
        fs::set_permissions(bin.join("nix-store"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn criteria(&self, checks: &[&str]) {
        let mut criteria: Value = criteria::built_in();
        criteria::keep(&mut criteria, checks);
        fs::write(self.path().join("criteria.json"), criteria.to_string()).unwrap();
    }

    fn run(&self, command: &str, arguments: &str) -> Output {
        // A deep run compares with nobody.
        let given = match arguments.contains("--deep") {
            true => &GIVEN[..6],
            false => &GIVEN,
        };
        let path = format!("{}:/usr/bin:/bin", self.path().join("bin").display());
        Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
            .arg(command)
            .args(given)
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .env("PATH", path)
            .output()
            .unwrap()
    }

    /// The derivations that nix-store was asked to build since the last call, in order.
    fn asked(&self) -> Vec<String> {
        let file = self.path().join("asked");
        let asked = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        let derivation = |line: &str| line.strip_prefix("--realise ").unwrap().to_owned();
        asked.lines().map(derivation).collect()
    }
}

#[test]
fn nothing_is_built_for_what_boots_nothing() {
    let place = Place::new();
    place.criteria(&["fuse.host.files"]);
    for (command, arguments, status) in [
        ("run", "--help", 0),
        ("reproduce", "--help", 0),
        ("run", "--nonsense", 2),
        ("run", "--criteria absent.json", 2),
        ("run", "--dataset absent.npy", 2),
        ("run", "--deep --part none", 2),
        ("reproduce", "absent.tar.gz", 2),
        ("run", "--out /proc/none", 2),
    ] {
        let output = place.run(command, arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments}");
        assert_eq!(place.asked(), [""; 0], "{command} {arguments}");
    }
    // On the host alone it runs, whatever comes of it.
    let output = place.run("run", "--criteria criteria.json");
    assert!(place.path().join("out/latest/verdict.json").exists());
    assert_eq!(place.asked(), [""; 0], "{output:?}");
}

#[test]
fn a_run_has_built_what_it_boots() {
    let place = Place::new();
    let of_guest = ["machine.guest"].as_slice();
    let of_all = ["machine.guest", "uml.guest", "debug.guest"].as_slice();
    for (checks, arguments, built) in [
        (of_guest, "--accel tcg", ["qemu.drv"].as_slice()),
        (of_guest, "--accel uml", &["uml.drv"]),
        (of_guest, "", &["qemu.drv"]),
        (of_all, "--accel tcg", &["qemu.drv", "debug.drv"]),
        (of_all, "", &["qemu.drv", "uml.drv", "debug.drv"]),
        (&["bundle.intact"], "", &["qemu.drv"]),
        (&["peers.measured"], "", &["peers.drv"]),
        // What is named behind what the flake names wins.
        (of_guest, "--bundle other --accel tcg", &[]),
        (of_guest, "--qemu-bundle uml.drv", &["uml.drv"]),
    ] {
        place.criteria(checks);
        let arguments = format!("--criteria criteria.json --json {arguments}");
        let output = place.run("run", &arguments);
        assert_eq!(place.asked(), built, "{checks:?} {arguments} {output:?}");
        // What is named as built is empty here.
        assert_eq!(output.status.code(), Some(2), "{checks:?} {output:?}");
    }
    let output = place.run("run", "--deep --part suites");
    assert_eq!(place.asked(), ["uml.drv", "debug.drv"], "{output:?}");
}

#[test]
fn what_cannot_be_built_is_one_sentence_and_leaves_nothing() {
    let place = Place::new();
    place.criteria(&["machine.guest"]);
    let refused = |sentence: &str| {
        let output = place.run("run", "--accel tcg --criteria criteria.json");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.lines().last().unwrap().ends_with(sentence) && said.lines().count() == 2,
            "{said}"
        );
        let runs = fs::read_dir(place.path().join("out/runs")).unwrap();
        assert_eq!(runs.count(), 0, "an empty run stays");
    };
    place.nix_store("#!/bin/sh\nexit 100\n");
    refused("nix-store could not build qemu.drv (exit status: 100)");
    place.nix_store("#!/bin/sh\n");
    refused("qemu.drv has 0 outputs, and one was expected");
    fs::remove_file(place.path().join("bin/nix-store")).unwrap();
    refused(
        "there is no nix-store in PATH to build qemu.drv: install Nix, or name what is built already",
    );
}
