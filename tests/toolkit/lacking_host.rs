// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host that lacks what a run needs: that is no failure of what is tested, and the reason is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::criteria;

/// A directory with criteria of what happens on the host alone.
struct Bench(TempDir);

impl Bench {
    fn new(checks: &[&str]) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let mut criteria = criteria::built_in();
        criteria::keep(&mut criteria, checks);
        fs::write(dir.path().join("criteria.json"), criteria.to_string()).unwrap();
        for name in ["tmp", "out"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        Bench(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A run that begins with `prepare`, a line for a shell with mounts of its own.
    fn run(&self, prepare: &str, temporary: &Path, more: &[&str]) -> Output {
        Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-euc"])
            .arg(format!("{prepare}; exec \"$0\" \"$@\""))
            .arg(env!("CARGO_BIN_EXE_vexfs-validate"))
            .args(["run", "--json", "--bundle", "/nonexistent"])
            .arg("--criteria")
            .arg(self.path("criteria.json"))
            .arg("--out")
            .arg(self.path("out"))
            .args(more)
            .env("TMPDIR", temporary)
            .output()
            .unwrap()
    }
}

const FUSE: [&str; 3] = [
    "fuse.host.lifecycle",
    "fuse.host.files",
    "fuse.host.answers",
];

/// Demands that each check could not run, and that its sentence says `words`.
#[track_caller]
fn assert_could_not_run(output: &Output, checks: &[&str], words: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    let verdict: Value = serde_json::from_slice(&output.stdout).expect(&error);
    assert_eq!(output.status.code(), Some(2), "{verdict:#}");
    assert_eq!(verdict["verdict"], "could-not-run", "{verdict:#}");
    let found = verdict["checks"].as_array().unwrap();
    assert_eq!(found.len(), checks.len());
    for check in found {
        let measured = check["measured"].as_str().unwrap();
        assert_eq!(check["status"], "could-not-run", "{measured}");
        for word in words {
            assert!(measured.contains(word), "{measured}\nlacks {word}");
        }
        // Nobody has to look for it.
        let what = format!("the check {}", check["id"].as_str().unwrap());
        let gaps = verdict["not_looked_at"].as_array().unwrap();
        assert!(gaps.iter().any(|gap| gap["what"] == what), "{verdict:#}");
    }
}

#[test]
fn no_temporary_directory() {
    let bench = Bench::new(&FUSE);
    let output = bench.run(":", Path::new("/nonexistent"), &[]);
    assert_could_not_run(&output, &FUSE, &["/nonexistent", "TMPDIR"]);
}

#[test]
fn a_temporary_directory_that_is_read_only() {
    let bench = Bench::new(&FUSE);
    let prepare = "mount -t tmpfs -o ro none \"$TMPDIR\"";
    let output = bench.run(prepare, &bench.path("tmp"), &[]);
    assert_could_not_run(&output, &FUSE, &["Read-only file system", "TMPDIR"]);
}

#[test]
fn a_temporary_directory_without_room() {
    let bench = Bench::new(&FUSE);
    let prepare = "mount -t tmpfs -o size=4m none \"$TMPDIR\"";
    let output = bench.run(prepare, &bench.path("tmp"), &[]);
    assert_could_not_run(&output, &FUSE, &["4 MiB free", "TMPDIR"]);
}

#[test]
fn a_comparison_without_a_temporary_directory() {
    const CHECKS: [&str; 1] = ["peers.measured"];
    let bench = Bench::new(&CHECKS);
    let output = bench.run(":", Path::new("/nonexistent"), &[]);
    assert_could_not_run(&output, &CHECKS, &["/nonexistent", "TMPDIR"]);
}

#[test]
fn a_directory_for_runs_without_room_is_named() {
    let bench = Bench::new(&FUSE);
    let out = bench.path("out");
    let prepare = format!("mount -t tmpfs -o size=16k none \"{}\"", out.display());
    let output = bench.run(&prepare, &bench.path("tmp"), &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = format!("cannot write {}", out.display());
    assert!(
        said.contains(&expected) && said.contains("No space left on device"),
        "{said}"
    );
}

#[test]
fn a_host_without_the_driver() {
    let bench = Bench::new(&FUSE);
    // The toolkit looks for the driver beside itself.
    let alone = bench.path("vexfs-validate");
    fs::copy(env!("CARGO_BIN_EXE_vexfs-validate"), &alone).unwrap();
    fs::set_permissions(&alone, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(&alone)
        .args(["run", "--json", "--bundle", "/nonexistent", "--criteria"])
        .arg(bench.path("criteria.json"))
        .arg("--out")
        .arg(bench.path("out"))
        .env("TMPDIR", bench.path("tmp"))
        .output()
        .unwrap();
    assert_could_not_run(&output, &FUSE, &["there is no ", "install it beside"]);
}

/// Each of these is known before anything is measured, which takes minutes.
#[test]
fn what_cannot_end_well_does_not_begin() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], before: &str| {
        let begun = Instant::now();
        let output = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-euc"])
            .arg(format!("{before}; exec \"$0\" run \"$@\""))
            .arg(env!("CARGO_BIN_EXE_vexfs-validate"))
            .args(arguments)
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    };
    for (arguments, named) in [
        (&[][..], "there is no bundle in out/bundle to boot"),
        (
            &["--accel", "uml"],
            "there is no bundle in out/uml-bundle to boot",
        ),
        (
            &["--bundle", "absent"],
            "there is no bundle in absent to boot",
        ),
    ] {
        let said = run(arguments, ":");
        assert!(
            said.contains(named) && said.contains("vexfs-validate bundle"),
            "{said}"
        );
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
    fs::create_dir(folder.path().join("bundle")).unwrap();
    fs::write(folder.path().join("bundle/manifest.json"), "").unwrap();
    let said = run(
        &["--bundle", "bundle"],
        "mount --bind . .; mount -o remount,ro,bind .; cd .; cd \"$PWD\"",
    );
    assert!(
        said.contains("Read-only file system") && said.contains("--out names"),
        "{said}"
    );
}
