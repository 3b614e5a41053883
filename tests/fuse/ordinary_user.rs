// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs mount` by an ordinary user, through fusermount3, and by mount(8), as a line of fstab asks.
//!
//! The test is root, and runs each script as nobody or as root, in a mount namespace in which everybody may open
//! /dev/fuse, as udev arranges it on most hosts.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

const NOBODY: u32 = 65534;

/// A store and a mount point of nobody's, beside the program under both of its names.
pub struct Place {
    directory: TempDir,
    /// A process that keeps the mount namespace.
    namespace: Child,
}

impl Place {
    pub fn new() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let script = "mknod -m 666 fuse c 10 229; mount --bind fuse /dev/fuse; echo; exec cat";
        let mut namespace = Command::new("unshare")
            .args(["--mount", "sh", "-ec", script])
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ready = namespace.stdout.as_mut().unwrap().read(&mut [0]).unwrap();
        assert_eq!(ready, 1, "a mount namespace takes root");
        let place = Place {
            directory,
            namespace,
        };
        fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        chown(place.path(""), Some(NOBODY), Some(NOBODY)).unwrap();
        fs::create_dir(place.path("bin")).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_vexfs"), place.path("bin/vexfs")).unwrap();
        symlink("vexfs", place.path("bin/mount.fuse.vexfs")).unwrap();
        for name in ["store", "mnt"] {
            fs::create_dir(place.path(name)).unwrap();
            chown(place.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a script in this directory, below the command `before`.
    pub fn shell(&self, before: &[&str], script: &str) -> Output {
        let bin = self.path("bin");
        let path = format!("{}:/usr/bin:/bin:/usr/sbin", bin.display());
        let script = format!("cd '{}'\n{script}", self.directory.path().display());
        Command::new("nsenter")
            .args([
                "--mount",
                "--target",
                &self.namespace.id().to_string(),
                "--",
            ])
            .args(before)
            .args(["sh", "-ec", &script])
            .env("PATH", path)
            .output()
            .unwrap()
    }

    /// The line of /proc/mounts for the mount point.
    fn line(&self) -> Option<String> {
        let mounts = fs::read_to_string(format!("/proc/{}/mounts", self.namespace.id())).unwrap();
        let named = format!(" {} ", self.path("mnt").display());
        let line = mounts.lines().rfind(|line| line.contains(&named));
        line.map(str::to_owned)
    }

    /// Runs a script as nobody.
    fn try_as_nobody(&self, script: &str) -> Output {
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        self.shell(&[&["setpriv"], &nobody[..]].concat(), script)
    }

    pub fn as_nobody(&self, script: &str) -> String {
        printed(self.try_as_nobody(script))
    }

    /// Runs a script as root in a mount namespace in which mount(8) finds the helper.
    fn with_helper(&self, script: &str) -> String {
        let helper = "mount --bind bin /usr/sbin\n";
        printed(self.shell(&["unshare", "--mount"], &format!("{helper}{script}")))
    }

    /// What one sentence says why a command of nobody's did not work.
    fn refusal(&self, script: &str, status: i32) -> String {
        let output = self.try_as_nobody(script);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{script}: {said}");
        said
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shell(
            &[],
            "while umount --lazy mnt store/mnt; do :; done 2>/dev/null",
        );
        let _ = self.namespace.kill();
        let _ = self.namespace.wait();
    }
}

pub fn printed(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_ordinary_user_mounts_searches_and_unmounts() {
    let place = Place::new();
    let found = place.as_nobody(
        "umask 027
         vexfs mount --background store mnt
         vexfs dataset generate --workload clustered --rows 500 --dim 16 --queries 5 --out mnt
         vexfs index build mnt/vectors.fvecs --kind hnsw >&2
         for where in mnt store; do
             vexfs search $where/vectors.fvecs --query-file $where/queries.fvecs --row 0 --kind hnsw --json
         done",
    );
    let hits = |line: &str| {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        (answer["driver"].clone(), answer["hits"].clone())
    };
    let answers: Vec<_> = found.lines().filter(|line| line.starts_with('{')).collect();
    let (through, plain) = (hits(answers[0]), hits(answers[1]));
    assert_eq!(
        (&through.0, &plain.0),
        (&"fuse.vexfs".into(), &"in-process".into())
    );
    assert_eq!(through.1, plain.1);

    let mount_point = place.path("mnt");
    let line_of = place.line().unwrap();
    let store = place.path("store").canonicalize().unwrap();
    let begin = format!(
        "{} {} fuse.vexfs rw,nosuid,nodev,",
        store.display(),
        mount_point.display()
    );
    assert!(line_of.starts_with(&begin), "{line_of}");
    assert!(
        line_of.contains(",user_id=65534,group_id=65534,default_permissions"),
        "{line_of}"
    );
    assert!(!line_of.contains("allow_other"), "{line_of}");
    // As a FUSE mount of somebody's: not even root looks in.
    let looked = place.shell(&[], "ls mnt");
    let said = String::from_utf8(looked.stderr).unwrap();
    assert!(said.contains("Permission denied"), "{said}");
    let made = fs::metadata(store.join("vectors.fvecs")).unwrap();
    assert_eq!(
        (made.uid(), made.gid(), made.mode() & 0o777),
        (NOBODY, NOBODY, 0o640)
    );

    place.as_nobody("fusermount3 -u mnt");
    assert_eq!(place.line(), None);
}

#[test]
fn a_signal_unmounts_an_ordinary_users_mount_even_while_a_file_is_open() {
    let place = Place::new();
    place.as_nobody(
        "vexfs mount store mnt 2>said & driver=$!
         for i in $(seq 3000); do grep -q \" $PWD/mnt \" /proc/mounts && break; sleep .01; done
         exec 3>mnt/open
         kill $driver
         wait $driver
         grep -q 'was still in use' said",
    );
    assert_eq!(place.line(), None);
}

#[test]
fn a_killed_drivers_mount_is_replaced() {
    let place = Place::new();
    place.as_nobody(
        "vexfs mount store mnt 2>/dev/null & driver=$!
         for i in $(seq 3000); do grep -q \" $PWD/mnt \" /proc/mounts && break; sleep .01; done
         kill -9 $driver; wait $driver || true
         vexfs mount --background store mnt
         touch mnt/works; test -e store/works; fusermount3 -u mnt",
    );
    assert_eq!(place.line(), None);
}

#[test]
fn options_are_those_of_other_filesystems() {
    let place = Place::new();
    place.as_nobody("vexfs mount --background store mnt -o ro,noexec,nosuid,fsname='a\\,b c'");
    let line_of = place.line().unwrap();
    assert!(line_of.starts_with("a,b\\040c "), "{line_of}");
    assert!(
        line_of.contains(" fuse.vexfs ro,nosuid,nodev,noexec,"),
        "{line_of}"
    );
    let said = place.refusal("touch mnt/new", 1);
    assert!(said.contains("Read-only file system"), "{said}");
    place.as_nobody("fusermount3 -u mnt");
}

#[test]
fn what_an_ordinary_user_may_not_is_refused_with_the_reason() {
    let place = Place::new();
    for (script, status, reason) in [
        ("vexfs mount store /usr", 1, "without root: fusermount3: "),
        ("vexfs mount store mnt -o suid", 2, "never work"),
        ("vexfs mount store mnt -o nonsense", 2, "there are ro, rw,"),
        ("vexfs mount store mnt -o threads=0", 2, "1 or more"),
        (
            "mount.fuse.vexfs store mnt -o nonsense",
            1,
            "there are ro, rw,",
        ),
        (
            "mount.fuse.vexfs store /usr",
            32,
            "without root: fusermount3: ",
        ),
        (
            "PATH=bin vexfs mount store mnt",
            1,
            "install the package fuse3",
        ),
    ] {
        let said = place.refusal(script, status);
        assert!(said.contains(reason), "{script}: {said}");
    }
    place.as_nobody("vexfs mount --background store mnt; touch mnt/own");
    let said = place.refusal("chown 1 mnt/own", 1);
    assert!(said.contains("Operation not permitted"), "{said}");
    place.as_nobody("fusermount3 -u mnt");
}

/// Where /etc/fuse.conf allows it.
#[test]
fn others_may_use_what_is_open_to_them_and_create_nothing() {
    let place = Place::new();
    fs::write(place.path("fuse.conf"), "user_allow_other\n").unwrap();
    fs::set_permissions(place.path("store"), fs::Permissions::from_mode(0o777)).unwrap();
    let said = place.refusal("vexfs mount store mnt -o allow_other", 1);
    assert!(said.contains("user_allow_other"), "{said}");
    let script = "mount --bind fuse.conf /etc/fuse.conf
        nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
        somebody='setpriv --reuid=1234 --regid=1234 --clear-groups'
        $nobody vexfs mount --background store mnt -o allow_other
        $nobody sh -c 'echo text >mnt/f; chmod 666 mnt/f'
        $somebody cat mnt/f
        $somebody sh -c 'echo more >>mnt/f'
        ! $somebody sh -c '>mnt/new' 2>said
        grep 'Operation not permitted' said
        cat store/f
        $nobody fusermount3 -u mnt";
    let said = printed(place.shell(&["unshare", "--mount"], script));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!((lines[0], &lines[2..]), ("text", &["text", "more"][..]));
    assert!(!place.path("store/new").exists());
}

#[test]
fn mount_and_fstab_know_the_type() {
    let place = Place::new();
    let there = place.path("").display().to_string();
    let there = there.trim_end_matches('/');
    fs::write(
        place.path("fstab"),
        format!("{there}/store {there}/mnt fuse.vexfs defaults,noauto,nofail,x-systemd.automount,noexec 0 0\n"),
    )
    .unwrap();
    let mounted = place.with_helper(
        "mount -t fuse.vexfs store mnt -o ro
         grep \" $PWD/mnt \" /proc/mounts
         umount mnt
         mount -i --bind fstab /etc/fstab
         mount mnt
         grep \" $PWD/mnt \" /proc/mounts
         touch mnt/new
         umount mnt
         ! mount -t fuse.vexfs absent mnt 2>said
         grep 'the store absent cannot be opened' said >/dev/null
         ls store",
    );
    let lines: Vec<_> = mounted.lines().collect();
    let is = |line: &str, flags: &str| {
        let begin = format!("{there}/store {there}/mnt fuse.vexfs {flags},");
        assert!(line.starts_with(&begin), "{line}");
    };
    is(lines[0], "ro,nosuid,nodev");
    is(lines[1], "rw,nosuid,nodev,noexec");
    assert_eq!(lines[2..], ["new"]);
}
