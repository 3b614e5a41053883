// SPDX-License-Identifier: MIT OR Apache-2.0
//! More files than the driver may have descriptors: all of them can be used, and removed.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{AtFlags, Mode, OFlags};

use crate::fixture::Store;
use crate::process::Driver;

const LIMIT: usize = 120;
const FOLDERS: usize = 30;
const FILES: usize = 60;

/// The driver of a store with many files, which cannot raise its limit of descriptors.
fn limited() -> Driver {
    let store = Store::new();
    for folder in 0..FOLDERS {
        let folder = store.path().join(format!("d{folder}"));
        fs::create_dir(&folder).unwrap();
        for file in 0..FILES {
            fs::write(folder.join(format!("f{file}")), file.to_string()).unwrap();
        }
    }
    Driver::start_in(store, |store, mount_point| {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-sys_resource", "sh", "-c"]);
        command.arg(format!("ulimit -n {LIMIT}; exec \"$@\""));
        command.args(["sh", env!("CARGO_BIN_EXE_vexfs"), "mount"]);
        command.arg(store).arg(mount_point).stderr(Stdio::null());
        command
    })
}

/// Reads every file through the mount, and returns the number of each.
fn numbers(root: &Path) -> Vec<u64> {
    let mut numbers = Vec::new();
    for folder in 0..FOLDERS {
        for file in 0..FILES {
            let path = root.join(format!("d{folder}/f{file}"));
            assert_eq!(fs::read_to_string(&path).unwrap(), file.to_string());
            numbers.push(fs::metadata(&path).unwrap().ino());
        }
    }
    numbers
}

#[test]
fn more_files_than_descriptors_can_be_used_and_removed() {
    let driver = limited();
    let root = driver.mount_point.path();
    let seen = numbers(root);
    assert_eq!(numbers(root), seen);
    let beneath = |at: usize| {
        let path = format!("d{}/f{}", at / FILES, at % FILES);
        fs::metadata(driver.store.path().join(path)).unwrap().ino()
    };
    assert!(seen.iter().enumerate().all(|(at, &ino)| beneath(at) == ino));

    for folder in 0..FOLDERS {
        fs::remove_dir_all(root.join(format!("d{folder}"))).unwrap();
    }
    assert_eq!(fs::read_dir(driver.store.path()).unwrap().count(), 0);
}

/// What the kernel knows without having it open, such as the folder that a process works in, is found again, also
/// when its name has changed. A removed file stays usable while it is open.
#[test]
fn what_is_held_stays_what_it_was() {
    let driver = limited();
    let root = driver.mount_point.path();
    let path_only = OFlags::PATH | OFlags::CLOEXEC;
    let folder = rustix::fs::open(root.join("d7"), path_only, Mode::empty()).unwrap();
    let file = rustix::fs::open(root.join("d8/f3"), path_only, Mode::empty()).unwrap();
    let numbers_held = |held: &std::os::fd::OwnedFd| rustix::fs::fstat(held).unwrap().st_ino;
    let (of_folder, of_file) = (numbers_held(&folder), numbers_held(&file));
    let mut removed = File::open(root.join("d9/f5")).unwrap();
    fs::remove_file(root.join("d9/f5")).unwrap();
    fs::write(root.join("d9/f5"), "5").unwrap();

    numbers(root);
    fs::rename(
        driver.store.path().join("d7"),
        driver.store.path().join("moved"),
    )
    .unwrap();
    fs::write(driver.store.path().join("moved/new"), "new").unwrap();
    assert_eq!(numbers_held(&folder), of_folder);
    assert_eq!(numbers_held(&file), of_file);
    let new = rustix::fs::statat(&folder, "new", AtFlags::empty()).unwrap();
    assert_eq!(new.st_size, 3);
    let mut text = String::new();
    removed.read_to_string(&mut text).unwrap();
    assert_eq!(
        (text.as_str(), removed.metadata().unwrap().nlink()),
        ("5", 0)
    );
}

#[test]
fn who_opens_too_many_leaves_room_for_the_others() {
    let driver = limited();
    let root = driver.mount_point.path();
    let mut open = Vec::new();
    let refused = loop {
        match File::open(root.join(format!("d0/f{}", open.len() % FILES))) {
            Ok(file) => open.push(file),
            Err(error) => break error,
        }
        assert!(open.len() < LIMIT, "there is no limit");
    };
    assert_eq!(refused.raw_os_error(), Some(libc::ENFILE));
    fs::remove_file(root.join("d1/f1")).unwrap();
    fs::rename(root.join("d1/f2"), root.join("d2/new")).unwrap();
    assert_eq!(fs::metadata(root.join("d2/new")).unwrap().len(), 1);
    open.pop();
    assert_eq!(fs::read_to_string(root.join("d2/new")).unwrap(), "2");
}
