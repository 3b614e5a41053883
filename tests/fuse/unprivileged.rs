// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate run` by an ordinary user, who may not mount outside a user namespace.
//!
//! The test is root, and starts each run as nobody, in a mount namespace in which everybody may open /dev/fuse.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{criteria, processes};

const CHECKS: [&str; 3] = [
    "fuse.host.lifecycle",
    "fuse.host.files",
    "fuse.host.answers",
];
const NOBODY: u32 = 65534;
const PATIENCE: Duration = Duration::from_secs(60);
const TIDY_WITHIN: Duration = Duration::from_secs(10);

/// A directory that nobody may read, with one in it where nobody may write.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let place = Place { dir };
        fs::set_permissions(place.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["vexfs", "vexfs-validate"] {
            let built = Path::new(env!("CARGO_BIN_EXE_vexfs")).with_file_name(name);
            fs::copy(built, place.path(name)).unwrap();
        }
        let mut criteria = criteria::built_in();
        criteria::keep(&mut criteria, &CHECKS);
        fs::write(place.path("criteria.json"), criteria.to_string()).unwrap();
        fs::create_dir(place.path("own")).unwrap();
        chown(place.path("own"), Some(NOBODY), Some(NOBODY)).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts a run as nobody, after the shell commands in `before`; `$DIR` is this place.
    fn run(&self, before: &str) -> Child {
        let command = r#"exec $enter setpriv --reuid=65534 --regid=65534 --clear-groups \
            env TMPDIR="$DIR/own" "$DIR/vexfs-validate" run --json --criteria "$DIR/criteria.json" --out "$DIR/own/out""#;
        Command::new("unshare")
            .args(["--mount", "sh", "-ec"])
            .arg(format!("{before}\n{command}"))
            .env("DIR", self.dir.path())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What a run left in its temporary directory.
    fn scratch(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(self.path("own")).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .find(|path| path.file_name().unwrap() != "out")
    }
}

/// Lets everybody open the device, in this namespace.
const OPEN_DEVICE: &str = r#"mount --bind "$DIR/fuse" /dev/fuse"#;

fn with_device() -> Place {
    let place = Place::new();
    mknod(
        &place.path("fuse"),
        SFlag::S_IFCHR,
        Mode::empty(),
        makedev(10, 229),
    )
    .unwrap();
    fs::set_permissions(place.path("fuse"), fs::Permissions::from_mode(0o666)).unwrap();
    place
}

/// The status and measured value of each check, in the order of [`CHECKS`].
fn judged(output: &Output) -> Vec<(String, String)> {
    let verdict: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let checks = verdict["checks"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks
        .map(|check| (text(&check["status"]), text(&check["measured"])))
        .collect()
}

#[test]
fn fuse_is_tested_in_a_user_namespace() {
    let place = with_device();
    let output = place.run(OPEN_DEVICE).wait_with_output().unwrap();
    let judged = judged(&output);
    assert!(
        judged.iter().all(|(status, _)| status == "pass"),
        "{judged:?}"
    );
    assert!(
        judged[1].1.contains("not tried, since it takes root: "),
        "{judged:?}"
    );
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(place.scratch(), None);
    let host = fs::read(place.path("own/out/latest/host.json")).unwrap();
    let host: Value = serde_json::from_slice(&host).unwrap();
    assert_eq!(
        host["fuse"]["left_out"],
        json!(["mode and owner", "another user's file"])
    );
}

#[test]
fn where_that_is_not_allowed_the_checks_are_skipped_and_say_why() {
    let place = with_device();
    // In a chroot nobody gets a user namespace.
    let in_chroot = format!(
        r#"{OPEN_DEVICE}; mkdir "$DIR/root"; mount --rbind / "$DIR/root"; enter="chroot $DIR/root""#
    );
    // The device as the driver could not open it.
    let no_device = r#"chmod 600 "$DIR/fuse"; mount --bind "$DIR/fuse" /dev/fuse"#;
    for (before, reason) in [
        (
            in_chroot.as_str(),
            "mounting takes root, or a user namespace",
        ),
        (no_device, "this user may not open /dev/fuse"),
    ] {
        let output = place.run(before).wait_with_output().unwrap();
        for (status, measured) in judged(&output) {
            assert_eq!(status, "skipped", "{measured}");
            assert!(measured.contains(reason), "{measured}");
        }
        assert_eq!(output.status.code(), Some(2), "nothing passed");
    }
}

/// Criteria with one check, of a small comparison of ours alone.
fn compare_only(place: &Place) {
    let path = place.path("criteria.json");
    let mut criteria = criteria::built_in();
    let workload = json!({"name": "inherited", "seed": 42, "rows": 500, "dim": 16, "queries": 5});
    criteria["comparison"]["workloads"] = json!([{
        "workload": workload,
        "contestants": [{"engine": "vexfs", "kind": "hnsw", "efforts": [100]}],
    }]);
    criteria::keep(&mut criteria, &["fuse.baseline"]);
    // Not a matter of speed here.
    criteria["checks"][0]["limit"] = json!(1e9);
    fs::write(path, criteria.to_string()).unwrap();
}

fn comparison(place: &Place) -> Value {
    let text = fs::read(place.path("own/out/latest/comparison.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn engines_are_compared_in_a_user_namespace() {
    let place = with_device();
    compare_only(&place);
    let judged = judged(&place.run(OPEN_DEVICE).wait_with_output().unwrap());
    assert_eq!(judged[0].0, "pass", "{}", judged[0].1);
    let comparison = comparison(&place);
    assert_eq!(comparison["no_mount"], Value::Null);
    let series = &comparison["workloads"][0]["series"];
    assert_eq!(series[1]["place"], "fuse");
    assert!(series[1]["measured"]["value"].is_object(), "{series}");
    assert_eq!(place.scratch(), None);
}

#[test]
fn without_a_mount_engines_are_compared_all_the_same() {
    let place = with_device();
    compare_only(&place);
    let no_device = r#"chmod 600 "$DIR/fuse"; mount --bind "$DIR/fuse" /dev/fuse"#;
    let judged = judged(&place.run(no_device).wait_with_output().unwrap());
    assert_eq!(judged[0].0, "skipped", "{}", judged[0].1);
    let series = &comparison(&place)["workloads"][0]["series"];
    assert!(series[0]["measured"]["value"].is_object(), "{series}");
    let reason = series[1]["measured"]["reason"].as_str().unwrap();
    assert!(reason.contains("may not open /dev/fuse"), "{reason}");
}

#[test]
fn a_killed_run_leaves_no_process_and_no_files() {
    let place = with_device();
    // Searches enough that they do not end by themselves while we watch.
    let path = place.path("criteria.json");
    let mut criteria: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    criteria["workload"]["runs"] = 10_000.into();
    fs::write(&path, criteria.to_string()).unwrap();
    let mut run = place.run(OPEN_DEVICE);
    let deadline = Instant::now() + PATIENCE;
    let vectors = loop {
        assert!(run.try_wait().unwrap().is_none(), "the run ended early");
        assert!(Instant::now() < deadline, "no vector file in {PATIENCE:?}");
        let vectors = place.scratch().map(|dir| dir.join("store/vectors.fvecs"));
        if let Some(vectors) = vectors.filter(|path| path.exists()) {
            break vectors;
        }
        sleep(Duration::from_millis(2));
    };
    run.kill().unwrap();
    run.wait().unwrap();
    let deadline = Instant::now() + TIDY_WITHIN;
    while place.scratch().is_some() || !processes::naming(place.dir.path()).is_empty() {
        let left = processes::naming(place.dir.path());
        assert!(
            Instant::now() < deadline,
            "left: {left:?}, {}",
            vectors.display()
        );
        sleep(Duration::from_millis(20));
    }
}
