// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs mount` as a process: signals, sudden death, the background, and what it says when it cannot mount.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use vexfs::anns::Metric;
use vexfs::client::{Kind, Method, Searcher};
use vexfs::dataset::{Matrix, fvecs};

use crate::fixture::Store;

fn vexfs_mount(store: &Path, mount_point: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vexfs"));
    command.arg("mount").arg(store).arg(mount_point);
    command
}

/// A driver process, which does not outlive the test and leaves no mount behind.
struct Driver {
    process: Child,
    mount_point: TempDir,
    store: Store,
}

impl Driver {
    fn start() -> Self {
        Self::start_telling(Stdio::null())
    }

    /// Starts the driver, whose standard error goes to `stderr`.
    fn start_telling(stderr: Stdio) -> Self {
        let (store, mount_point) = (Store::new(), tempfile::tempdir().unwrap());
        let process = vexfs_mount(store.path(), mount_point.path())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let driver = Self {
            process,
            mount_point,
            store,
        };
        await_that("the mount is up", || is_mounted(driver.mount_point.path()));
        driver
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id() as i32), signal).unwrap();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = umount2(self.mount_point.path(), MntFlags::MNT_DETACH);
    }
}

fn is_mounted(path: &Path) -> bool {
    vexfs::system::proc::is_mounted(path).unwrap()
}

fn await_that(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_signal_unmounts_cleanly() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut driver = Driver::start();
        fs::write(driver.mount_point.path().join("f"), "text").unwrap();
        driver.signal(signal);
        assert_eq!(driver.process.wait().unwrap().code(), Some(0));
        assert!(!is_mounted(driver.mount_point.path()));
        let content = fs::read_to_string(driver.store.path().join("f")).unwrap();
        assert_eq!(content, "text");
    }
}

#[test]
fn a_signal_unmounts_even_if_a_file_is_open() {
    let mut driver = Driver::start();
    let mut open = File::create(driver.mount_point.path().join("f")).unwrap();
    driver.signal(Signal::SIGTERM);
    assert_eq!(driver.process.wait().unwrap().code(), Some(0));
    assert!(!is_mounted(driver.mount_point.path()));
    let lost = open.write_all(b"text").unwrap_err();
    assert_eq!(lost.raw_os_error(), Some(libc::ENOTCONN));
}

#[test]
fn the_driver_ends_when_somebody_unmounts() {
    let mut driver = Driver::start();
    umount2(driver.mount_point.path(), MntFlags::empty()).unwrap();
    assert_eq!(driver.process.wait().unwrap().code(), Some(0));
}

#[test]
fn what_was_synced_survives_a_killed_driver() {
    let mut driver = Driver::start();
    let mount_point = driver.mount_point.path().to_owned();
    let block: Vec<u8> = (0..1_000_000).map(|i| (i % 253) as u8).collect();
    let mut file = File::create(mount_point.join("f")).unwrap();
    file.write_all(&block).unwrap();
    file.sync_all().unwrap();
    driver.signal(Signal::SIGKILL);
    driver.process.wait().unwrap();
    assert!(fs::read(driver.store.path().join("f")).unwrap() == block);

    // Nobody hangs, and the remedy is named and works.
    let lost = fs::read_dir(&mount_point).unwrap_err();
    assert_eq!(lost.raw_os_error(), Some(libc::ENOTCONN));
    let refused = refusal(driver.store.path(), &mount_point);
    assert!(refused.contains("umount -l"), "{refused}");
    umount2(&mount_point, MntFlags::MNT_DETACH).unwrap();
    assert!(fs::read_dir(&mount_point).unwrap().next().is_none());
}

#[test]
fn in_the_background_the_command_returns_when_the_mount_is_up() {
    let (store, mount_point) = (Store::new(), tempfile::tempdir().unwrap());
    let output = vexfs_mount(store.path(), mount_point.path())
        .arg("--background")
        .output()
        .unwrap();
    let mounted = is_mounted(mount_point.path());
    let written = fs::write(mount_point.path().join("f"), "text");
    let unmounted = umount2(mount_point.path(), MntFlags::MNT_DETACH);
    assert!(output.status.success() && mounted, "{output:?}");
    written.unwrap();
    unmounted.unwrap();
    let content = fs::read_to_string(store.path().join("f")).unwrap();
    assert_eq!(content, "text");
}

#[test]
fn a_malformed_index_is_told_once() {
    let mut driver = Driver::start_telling(Stdio::piped());
    let path = driver.mount_point.path().join("v.fvecs");
    let mut rows = Matrix::new(2);
    rows.push(&[1.0; 2]);
    fvecs::write(&path, &rows).unwrap();
    let method = Method {
        kind: Kind::Ivf,
        metric: Metric::L2,
        k: 1,
        effort: 0,
    };
    for content in ["not an index", "neither this"] {
        fs::write(path.with_extension("fvecs.ivf"), content).unwrap();
        // Past the time in which the file may change without showing it, and is read again.
        std::thread::sleep(Duration::from_millis(40));
        let searcher = Searcher::open(&path).unwrap();
        for _ in 0..3 {
            let error = searcher.search(&[0.0; 2], method).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::EUCLEAN));
        }
    }
    driver.signal(Signal::SIGTERM);
    let mut told = String::new();
    let mut stderr = driver.process.stderr.take().unwrap();
    stderr.read_to_string(&mut told).unwrap();
    let lines: Vec<_> = told.lines().filter(|line| line.contains("index")).collect();
    let expected = "vexfs: the index v.fvecs.ivf is malformed: it ends within its header";
    assert_eq!(lines, [expected; 2], "{told}");
}

/// What the command says when it refuses, in one sentence.
fn refusal(store: &Path, mount_point: &Path) -> String {
    for background in [false, true] {
        let mut command = vexfs_mount(store, mount_point);
        if background {
            command.arg("--background");
        }
        let Output { status, stderr, .. } = command.output().unwrap();
        let message = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(1), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        if background {
            return message;
        }
    }
    unreachable!("the last round returns")
}

#[test]
fn a_refusal_names_what_is_wrong() {
    let driver = Driver::start();
    let (store, mount_point) = (driver.store.path(), tempfile::tempdir().unwrap());
    let free = mount_point.path();
    fs::write(store.join("file"), "").unwrap();

    let message = refusal(&store.join("nowhere"), free);
    assert!(message.contains("nowhere"), "{message}");
    let message = refusal(&store.join("file"), free);
    assert!(message.contains("directory"), "{message}");
    let message = refusal(store, &free.join("nowhere"));
    assert!(message.contains("nowhere"), "{message}");
    let message = refusal(store, &store.join("file"));
    assert!(message.contains("directory"), "{message}");
    let message = refusal(store, driver.mount_point.path());
    assert!(message.contains("already"), "{message}");
    assert!(!is_mounted(free));
}

#[test]
fn a_store_can_be_mounted_over_itself() {
    let store = Store::new();
    fs::write(store.path().join("f"), "text").unwrap();
    let device = fs::metadata(store.path()).unwrap().dev();
    let mut command = vexfs_mount(store.path(), store.path());
    let output = command.arg("--background").output().unwrap();
    let content = fs::read_to_string(store.path().join("f"));
    let covered = fs::metadata(store.path()).unwrap().dev() != device;
    umount2(store.path(), MntFlags::empty()).unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(content.unwrap(), "text");
    assert!(covered);
}
