// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs mount` as a process: signals, sudden death, the background, and what it says when it cannot mount.

use std::fs::{self, File};
use std::io::{PipeReader, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use tempfile::TempDir;
use vexfs::anns::Metric;
use vexfs::client::{Kind, Method, Searcher};
use vexfs::dataset::{Matrix, fvecs};

use crate::fixture::Store;
use crate::unheard::{full_disk, reader_gone};

fn vexfs_mount(store: &Path, mount_point: &Path) -> Command {
    // Whoever started the tests may ignore signals, as a shell does for what it runs in the background.
    let mut command = Command::new("env");
    command
        .arg("--default-signal")
        .arg(env!("CARGO_BIN_EXE_vexfs"));
    command.arg("mount").arg(store).arg(mount_point);
    command
}

/// A driver process, which does not outlive the test and leaves no mount behind.
pub struct Driver {
    process: Child,
    pub mount_point: TempDir,
    pub store: Store,
}

impl Driver {
    pub fn start() -> Self {
        Self::start_telling(Stdio::null())
    }

    /// Starts the driver, whose standard error goes to `stderr`.
    fn start_telling(stderr: Stdio) -> Self {
        Self::start_in(Store::new(), |store, mount_point| {
            let mut command = vexfs_mount(store, mount_point);
            command.stderr(stderr);
            command
        })
    }

    /// Starts the driver of a store by this command.
    pub fn start_in(store: Store, command: impl FnOnce(&Path, &Path) -> Command) -> Self {
        let mount_point = tempfile::tempdir().unwrap();
        let mut command = command(store.path(), mount_point.path());
        let process = command.spawn().unwrap();
        let driver = Self {
            process,
            mount_point,
            store,
        };
        await_that("the mount is up", || is_mounted(driver.mount_point.path()));
        driver
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id() as i32), signal).unwrap();
    }

    /// How many bytes the driver has read by system calls so far.
    pub fn bytes_read(&self) -> u64 {
        let io = fs::read_to_string(format!("/proc/{}/io", self.process.id())).unwrap();
        let read = io.lines().find_map(|line| line.strip_prefix("rchar: "));
        read.unwrap().parse().unwrap()
    }
}

impl Driver {
    /// Stops the driver, and returns when none of its threads runs any more.
    pub fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        let tasks = format!("/proc/{}/task", self.process.id());
        let is_stopped = |task: fs::DirEntry| {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap();
            stat.rsplit(')').next().unwrap().starts_with(" T")
        };
        await_that("the driver is stopped", || {
            fs::read_dir(&tasks)
                .unwrap()
                .all(|task| is_stopped(task.unwrap()))
        });
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
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
    ] {
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
    // Where the kernel writes past the driver, it still does.
    match open.write_all(b"text") {
        Ok(()) => {
            let below = fs::read_to_string(driver.store.path().join("f")).unwrap();
            assert_eq!(below, "text");
        }
        Err(lost) => assert_eq!(lost.raw_os_error(), Some(libc::ENOTCONN)),
    }
}

/// As after `nohup`.
#[test]
fn a_driver_that_was_started_to_ignore_a_signal_ignores_it() {
    let mut driver = Driver::start_in(Store::new(), |store, mount_point| {
        let mut command = Command::new("nohup");
        command.arg(env!("CARGO_BIN_EXE_vexfs")).arg("mount");
        command.arg(store).arg(mount_point);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        command
    });
    driver.signal(Signal::SIGHUP);
    std::thread::sleep(Duration::from_millis(300));
    fs::write(driver.mount_point.path().join("f"), "text").unwrap();
    driver.signal(Signal::SIGTERM);
    assert_eq!(driver.process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_signal_ends_a_driver_whose_mount_another_namespace_holds() {
    let mut driver = Driver::start();
    // Its mounts are copies of ours, and an unmount here does not reach them.
    let mut holder = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .args(["sh", "-c", "echo ready; read end"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    holder
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    driver.signal(Signal::SIGTERM);
    let ended = Instant::now();
    let mut status = None;
    while status.is_none() && ended.elapsed() < Duration::from_secs(20) {
        status = driver.process.try_wait().unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(holder.stdin.take());
    holder.wait().unwrap();
    assert_eq!(status.expect("the driver ends").code(), Some(0));
    assert!(!is_mounted(driver.mount_point.path()));
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

    // Nobody hangs, and a new driver takes the dead mount away.
    let lost = fs::read_dir(&mount_point).unwrap_err();
    assert_eq!(lost.raw_os_error(), Some(libc::ENOTCONN));
    let output = vexfs_mount(driver.store.path(), &mount_point)
        .arg("--background")
        .output()
        .unwrap();
    let again = fs::read(mount_point.join("f"));
    umount2(&mount_point, MntFlags::empty()).unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(again.unwrap() == block);
    assert!(fs::read_dir(&mount_point).unwrap().next().is_none());
}

#[test]
fn a_store_under_its_own_dead_mount_is_mounted_again() {
    let store = Store::new();
    fs::write(store.path().join("f"), "text").unwrap();
    for _ in 0..2 {
        let mut process = vexfs_mount(store.path(), store.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let fuse = || {
            let mounts = vexfs::system::proc::mounts().unwrap().into_iter();
            let mut here = mounts.filter(|mount| mount.mount_point == store.path());
            here.next_back()
                .is_some_and(|mount| mount.fs_type == "fuse.vexfs")
        };
        let content = || fs::read_to_string(store.path().join("f"));
        await_that("the mount is up", || {
            fuse() && content().is_ok_and(|text| text == "text")
        });
        process.kill().unwrap();
        process.wait().unwrap();
        assert_eq!(content().unwrap_err().raw_os_error(), Some(libc::ENOTCONN));
    }
    umount2(store.path(), MntFlags::MNT_DETACH).unwrap();
}

/// What is dead and is not ours stays, and the remedy is named.
#[test]
fn a_dead_mount_of_another_driver_is_left() {
    let (store, mount_point) = (Store::new(), tempfile::tempdir().unwrap());
    let device = File::options()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .unwrap();
    let data = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0",
        device.as_raw_fd()
    );
    nix::mount::mount(
        Some("other"),
        mount_point.path(),
        Some("fuse.other"),
        nix::mount::MsFlags::empty(),
        Some(data.as_str()),
    )
    .unwrap();
    drop(device);
    let refused = refusal(store.path(), mount_point.path());
    umount2(mount_point.path(), MntFlags::MNT_DETACH).unwrap();
    assert!(refused.contains("umount -l"), "{refused}");
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

/// A driver whose warnings nobody hears: it answers what follows, and ends when it is asked to.
fn serves_unheard(stderr: Stdio) {
    let mut driver = Driver::start_telling(stderr);
    let path = driver.mount_point.path().join("v.fvecs");
    fvecs::write(&path, &Matrix::from_row(&[1.0; 2])).unwrap();
    fs::write(path.with_extension("fvecs.ivf"), "not an index").unwrap();
    let method = Method {
        kind: Kind::Ivf,
        metric: Metric::L2,
        k: 1,
        effort: 0,
    };
    let searcher = Searcher::open(&path).unwrap();
    let error = searcher.search(&[0.0; 2], method).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EUCLEAN));
    assert_eq!(fs::read_dir(driver.mount_point.path()).unwrap().count(), 2);
    drop(searcher);
    driver.signal(Signal::SIGTERM);
    assert_eq!(driver.process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_warning_whose_reader_is_gone_ends_no_mount() {
    serves_unheard(reader_gone());
}

#[test]
fn a_warning_that_finds_the_disk_full_ends_no_mount() {
    serves_unheard(full_disk());
}

/// A pipe that is full, and whose reader does not read.
fn full_pipe() -> (Stdio, PipeReader) {
    let (reader, mut writer) = pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    while writer.write(&[b'.'; 4096]).is_ok() {}
    fcntl_setfl(&writer, flags).unwrap();
    (writer.into(), reader)
}

#[test]
fn a_warning_that_nobody_reads_keeps_no_search_waiting() {
    let (stderr, reader) = full_pipe();
    serves_unheard(stderr);
    drop(reader);
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
