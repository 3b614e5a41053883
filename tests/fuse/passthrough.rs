// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plain files that the kernel reads and writes past the driver, and the files that it must not.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use vexfs::anns::Metric;
use vexfs::client::{Kind, Method, Searcher};
use vexfs::dataset::fvecs;

use crate::fixture::{Mounted, Store};
use crate::process::Driver;

/// Long enough for a read of a page, whatever else the machine does.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether this kernel can read and write a file past a driver (Linux 6.9).
fn kernel_can() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(str::parse::<u32>);
    let mut next = || numbers.next().unwrap().unwrap();
    let can = (next(), next()) >= (6, 9);
    if !can {
        println!("NOT RUN: Linux {} has no passthrough", release.trim());
    }
    can
}

fn driver(options: &str) -> Driver {
    Driver::start_in(Store::new(), |store, mount_point| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vexfs"));
        command.args(["mount", "-o", options]);
        command.arg(store).arg(mount_point);
        command
    })
}

/// What `work` results in, begun while the driver is stopped, and whether it came to its end without the driver.
fn while_stopped<T: Send + 'static>(
    driver: &Driver,
    work: impl FnOnce() -> T + Send + 'static,
) -> (bool, T) {
    driver.stop();
    let (tell, told) = mpsc::channel();
    let working = thread::spawn(move || {
        let done = work();
        let _ = tell.send(());
        done
    });
    let without = told.recv_timeout(PATIENCE).is_ok();
    driver.signal(Signal::SIGCONT);
    (without, working.join().unwrap())
}

/// Whether a file of this name, created anew or only opened, can be read while the driver is stopped.
fn goes_past(driver: &Driver, name: &str) -> bool {
    let path = driver.mount_point.path().join(name);
    fs::write(&path, "past the driver").unwrap();
    let opened = File::open(&path).unwrap();
    let mut created = File::options();
    created.read(true).write(true).create_new(true);
    let other = driver.mount_point.path().join(format!("new-{name}"));
    let mut created = created.open(&other).unwrap();
    created.write_all(b"past the driver").unwrap();
    let files = [opened, created];
    let (past, _files) = while_stopped(driver, move || {
        for file in &files {
            let mut read = [0; 15];
            file.read_exact_at(&mut read, 0).unwrap();
            assert_eq!(&read, b"past the driver");
        }
        files
    });
    past
}

#[test]
fn open_plain_files_are_read_without_the_driver() {
    if kernel_can() {
        assert!(goes_past(&driver("rw"), "plain"));
    }
}

/// The kernel asks the driver for file capabilities before it writes.
#[test]
fn a_write_of_another_user_takes_the_set_user_id_bit_away() {
    let mounted = Mounted::new();
    let path = mounted.path("program");
    fs::write(&path, "text").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o6777)).unwrap();
    let script = r#"exec 3>>"$1" && echo more >&3"#;
    let status = Command::new("setpriv")
        .args(["--reuid=1234", "--regid=1234", "--clear-groups"])
        .args(["sh", "-euc", script, "sh"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success());
    let mode = fs::metadata(mounted.lower("program")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o777);
    assert_eq!(fs::read_to_string(&path).unwrap(), "textmore\n");
}

#[test]
fn what_is_searched_and_what_nobody_allowed_goes_to_the_driver() {
    if kernel_can() {
        let ordinary = driver("rw");
        for name in ["v.fvecs", "v.fvecs.hnsw"] {
            assert!(!goes_past(&ordinary, name), "{name}");
        }
        assert!(!goes_past(&driver("nopassthrough"), "plain"));
    }
}

fn encoded(rows: std::ops::Range<usize>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for i in rows {
        fvecs::encode_row(&mut bytes, &[i as f32, 1.0]).unwrap();
    }
    bytes
}

/// How many rows a search by the file sees.
fn rows(searcher: &Searcher) -> u64 {
    let method = Method {
        kind: Kind::Flat,
        metric: Metric::L2,
        k: 1,
        effort: 0,
    };
    searcher.search(&[0.0, 1.0], method).unwrap().rows
}

/// Whoever writes a file under another name and moves it into place may hold it open meanwhile.
#[test]
fn a_file_that_becomes_a_vector_file_while_it_is_open_is_searched() {
    let mounted = Mounted::new();
    let mut plain = File::create(mounted.path("new")).unwrap();
    plain.write_all(&encoded(0..10)).unwrap();
    fs::rename(mounted.path("new"), mounted.path("v.fvecs")).unwrap();
    let searcher = Searcher::open(&mounted.path("v.fvecs")).unwrap();
    assert_eq!(rows(&searcher), 10);
    plain.write_all(&encoded(10..30)).unwrap();
    assert_eq!(rows(&searcher), 30);
    // The other way round: what was opened as a vector file writes, too.
    let mut vectors = OpenOptions::new()
        .append(true)
        .open(mounted.path("v.fvecs"))
        .unwrap();
    vectors.write_all(&encoded(30..31)).unwrap();
    assert_eq!(rows(&searcher), 31);
    assert_eq!(fs::read(mounted.lower("v.fvecs")).unwrap(), encoded(0..31));
}

#[test]
fn names_of_both_sorts_for_one_file_are_open_side_by_side() {
    let mounted = Mounted::new();
    for plain_first in [true, false] {
        let (plain, vectors) = (mounted.path("plain"), mounted.path("v.fvecs"));
        fs::write(mounted.lower("plain"), encoded(0..5)).unwrap();
        fs::hard_link(mounted.lower("plain"), mounted.lower("v.fvecs")).unwrap();
        let open = |path| OpenOptions::new().read(true).append(true).open(path);
        let (mut plain, mut vectors) = match plain_first {
            true => {
                let plain = open(&plain).unwrap();
                (plain, open(&vectors).unwrap())
            }
            false => {
                let vectors = open(&vectors).unwrap();
                (open(&plain).unwrap(), vectors)
            }
        };
        plain.write_all(&encoded(5..6)).unwrap();
        vectors.write_all(&encoded(6..7)).unwrap();
        let searcher = Searcher::open(&mounted.path("v.fvecs")).unwrap();
        assert_eq!(rows(&searcher), 7, "plain first: {plain_first}");
        for file in [&plain, &vectors] {
            let mut all = vec![0; encoded(0..7).len()];
            file.read_exact_at(&mut all, 0).unwrap();
            assert_eq!(all, encoded(0..7), "plain first: {plain_first}");
        }
        drop((plain, vectors, searcher));
        fs::remove_file(mounted.path("plain")).unwrap();
        fs::remove_file(mounted.path("v.fvecs")).unwrap();
    }
}

/// The kernel keeps what it knows, and a change through the mount is seen at once all the same.
#[test]
fn an_exclusive_mount_sees_its_own_changes() {
    let driver = driver("exclusive,nopassthrough");
    let path = |name: &str| driver.mount_point.path().join(name);
    fs::write(path("f"), "one").unwrap();
    assert_eq!(fs::read_to_string(path("f")).unwrap(), "one");
    // Reading has changed the access time.
    fs::metadata(path("f")).unwrap();
    let f = path("f");
    let (cached, metadata) = while_stopped(&driver, || fs::metadata(f));
    assert!(cached && metadata.unwrap().len() == 3);
    fs::write(path("f"), "another").unwrap();
    fs::rename(path("f"), path("g")).unwrap();
    assert!(!path("f").exists());
    assert_eq!(fs::read_to_string(path("g")).unwrap(), "another");
    fs::write(path("v.fvecs"), encoded(0..3)).unwrap();
    let searcher = Searcher::open(&path("v.fvecs")).unwrap();
    assert_eq!(rows(&searcher), 3);
    let mut more = OpenOptions::new()
        .append(true)
        .open(path("v.fvecs"))
        .unwrap();
    more.write_all(&encoded(3..9)).unwrap();
    assert_eq!(rows(&searcher), 9);
}
