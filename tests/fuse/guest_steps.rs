// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's steps, carried out on a FUSE mount on this machine.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, umount2};
use vexfs::anns::index::Kind;
use vexfs::exercise::hostile::crafted::Crafter;
use vexfs::exercise::hostile::ground::Ground;
use vexfs::exercise::hostile::numbers::Asker;
use vexfs::exercise::hostile::{AS_EXPECTED, Random, Tally};
use vexfs::exercise::{Tell, files};
use vexfs::guest::steps::indexes::stock::Stock;
use vexfs::guest::steps::indexes::{at_once, changed, filtered, following, replacing};
use vexfs::guest::steps::{concurrency, errors};
use vexfs::protocol::results::Case;

/// Hears what a step tells.
const NOBODY: Tell = &|_, _, _| ();

/// A fresh store served by the FUSE driver, for as long as this value lives.
struct Served {
    dir: tempfile::TempDir,
    driver: Child,
}

impl Served {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, mount) = (dir.path().join("store"), dir.path().join("mount"));
        fs::create_dir(&store).unwrap();
        fs::create_dir(&mount).unwrap();
        let driver = Command::new(env!("CARGO_BIN_EXE_vexfs"))
            .arg("mount")
            .args([&store, &mount])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut served = Served { dir, driver };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !served.is_mounted() {
            let ended = served.driver.try_wait().unwrap();
            assert!(ended.is_none(), "the driver ended with {ended:?}");
            assert!(Instant::now() < deadline, "nothing is mounted after 20 s");
            std::thread::sleep(Duration::from_millis(10));
        }
        served
    }

    fn is_mounted(&self) -> bool {
        vexfs::system::proc::is_mounted(&self.mount()).unwrap()
    }

    fn store(&self) -> Box<Path> {
        self.dir.path().join("store").into()
    }

    fn mount(&self) -> Box<Path> {
        self.dir.path().join("mount").into()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = umount2(&*self.mount(), MntFlags::MNT_DETACH);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[track_caller]
fn assert_all_hold(cases: &[Case]) {
    let failing: Vec<_> = cases.iter().filter(|case| !case.holds()).collect();
    assert!(!cases.is_empty() && failing.is_empty(), "{failing:#?}");
}

#[test]
fn file_operations_hold_and_leave_the_same_tree_below() {
    let served = Served::new();
    assert_all_hold(&files::cases(&served.mount(), &served.store(), NOBODY));
}

#[test]
fn every_error_is_the_documented_one() {
    let served = Served::new();
    assert_all_hold(&errors::cases(&served.mount(), NOBODY).unwrap());
}

#[test]
fn answers_are_right_while_the_file_changes() {
    let served = Served::new();
    let run = concurrency::contend(&served.mount(), NOBODY).unwrap();
    assert_eq!(run.wrong, [""; 0]);
    assert!(run.answers > 0, "{run:?}");
}

#[test]
fn a_search_sees_every_change_of_rows_and_index() {
    let served = Served::new();
    assert_all_hold(&following::cases(&served.mount(), &served.store(), NOBODY).unwrap());
    let stock = Stock::new(&served.mount()).unwrap();
    assert_all_hold(&filtered::cases(&stock, NOBODY).unwrap());
    assert_all_hold(&changed::cases(&stock, NOBODY).unwrap());
    assert_all_hold(&at_once::cases(&stock, NOBODY).unwrap());
}

#[test]
fn answers_are_right_while_the_index_is_replaced() {
    let served = Served::new();
    let run = replacing::contend(&served.mount(), NOBODY).unwrap();
    assert_eq!(run.wrong, [""; 0]);
    assert!(run.answers > 0, "{run:?}");
}

/// Through FUSE the kernel reads the request before the driver is asked, so all of them lie in good memory here.
#[test]
fn hostile_requests_are_answered_as_the_drivers_code_says() {
    let served = Served::new();
    let ground = Ground::new().unwrap();
    ground.write_all(&served.mount()).unwrap();
    let random = Random::new(42, 0);
    let asker = Asker::new(&served.mount(), &served.store(), &ground, random).unwrap();
    let mut asker = asker.in_good_memory();
    let mut tally = Tally::default();
    asker.every_number(&mut tally, NOBODY);
    asker.random_words(2000, &mut tally, NOBODY);
    asker.random_fields(2000, &mut tally, NOBODY);
    let tried = tally.tried();
    assert_eq!(tried.observed, AS_EXPECTED);
    assert!(tried.done.answers > 100, "{:?}", tried.done);
}

#[test]
fn hostile_files_are_refused_or_searched_right() {
    let served = Served::new();
    let ground = Ground::new().unwrap();
    let random = Random::new(42, 1);
    let crafter = Crafter::new(&served.mount(), &served.store(), &ground, random);
    let mut crafter = crafter.unwrap();
    let mut tally = Tally::default();
    for kind in Kind::ALL {
        crafter.indexes(kind, 100, &mut tally, NOBODY).unwrap();
    }
    crafter.vectors(100, &mut tally, NOBODY).unwrap();
    let tried = tally.tried();
    assert_eq!(tried.observed, AS_EXPECTED);
    assert!(tried.done.taken > 100, "{:?}", tried.done);
}
