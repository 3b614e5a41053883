// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is kept of an index file follows the file, whatever happens to it.

use std::cell::Cell;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, symlink};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;
use vexfs::anns::index::{self, Bytes, Kind, Parameters, Unobserved};
use vexfs::anns::{Metric, hnsw};
use vexfs::dataset::Matrix;
use vexfs::store::{Beside, Content, FileId, Sidecar, Sidecars, Snapshot};

use crate::unstamped::{SETTLED, Unstamped};

fn rows(count: usize, first: f32) -> Matrix {
    let mut matrix = Matrix::new(2);
    (0..count).for_each(|row| matrix.push(&[row as f32, first]));
    matrix
}

fn built(rows: &Matrix, metric: Metric) -> Bytes {
    let parameters = Parameters::Hnsw(hnsw::Parameters::default());
    index::build(rows, metric, &parameters, 42, 1, &Unobserved).unwrap()
}

struct Fixture {
    folder: TempDir,
    directory: File,
    /// Counts the changes of whatever file is the index.
    content: Arc<Content>,
    sidecars: Sidecars,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Fixture {
            directory: File::open(folder.path()).unwrap(),
            folder,
            content: Arc::default(),
            sidecars: Sidecars::default(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn index(&self) -> PathBuf {
        self.path("v.fvecs.hnsw")
    }

    fn get_for(&self, metric: Metric) -> Result<Arc<Sidecar>, Errno> {
        let beside = Beside {
            directory: self.directory.as_fd(),
            name: "v.fvecs".as_ref(),
            content: &|_: FileId| self.content.clone(),
        };
        self.sidecars.get(beside, Kind::Hnsw, metric)
    }

    fn get(&self) -> Result<Arc<Sidecar>, Errno> {
        self.get_for(Metric::L2)
    }

    /// Rows that the index covers.
    fn covered(&self, of: &Snapshot) -> Result<u64, Errno> {
        Ok(self.get()?.of(of)?.index.header().rows)
    }

    fn rename_over(&self, bytes: &[u8]) {
        fs::write(self.path("new"), bytes).unwrap();
        fs::rename(self.path("new"), self.index()).unwrap();
    }
}

#[test]
fn an_unchanged_index_is_loaded_once() {
    let fixture = Fixture::new();
    fs::write(fixture.index(), &built(&rows(5, 0.0), Metric::L2)[..]).unwrap();
    thread::sleep(SETTLED);
    let first = fixture.get().unwrap();
    assert!(Arc::ptr_eq(&first, &fixture.get().unwrap()));
    // One for another metric is told without loading it, and leaves the kept one alone.
    assert_eq!(fixture.get_for(Metric::Cosine).unwrap_err(), Errno::ENODATA);
    assert!(Arc::ptr_eq(&first, &fixture.get().unwrap()));
}

#[test]
fn an_index_that_comes_changes_and_goes_is_seen_at_once() {
    let fixture = Fixture::new();
    let snapshot = Snapshot::new(rows(10, 0.0));
    assert_eq!(fixture.covered(&snapshot), Err(Errno::ENODATA));
    for count in 1..10 {
        // No file is the one before it: nothing needs to settle.
        fixture.rename_over(&built(&rows(count, 0.0), Metric::L2));
        assert_eq!(fixture.covered(&snapshot), Ok(count as u64));
    }
    fixture.rename_over(&built(&rows(10, 0.0), Metric::Cosine));
    assert_eq!(fixture.covered(&snapshot), Err(Errno::ENODATA));
    fixture.rename_over(&built(&rows(10, 0.0), Metric::L2));
    assert_eq!(fixture.covered(&snapshot), Ok(10));
    fs::remove_file(fixture.index()).unwrap();
    assert_eq!(fixture.covered(&snapshot), Err(Errno::ENODATA));
}

#[test]
fn a_change_in_place_through_the_driver_is_seen_whatever_the_times_say() {
    let fixture = Fixture::new();
    let snapshot = Snapshot::new(rows(10, 0.0));
    let versions = [0.0, 1.0].map(|first| built(&rows(10, first), Metric::L2));
    fs::write(fixture.index(), &versions[0][..]).unwrap();
    let mut options = File::options();
    let file = options.read(true).write(true).open(fixture.index());
    let unstamped = Unstamped::new(&file.unwrap(), &versions[0]);
    thread::sleep(SETTLED);
    for round in 0..20 {
        let version = &versions[round % 2];
        let file = File::open(fixture.index()).unwrap();
        let write = || unstamped.write(version);
        fixture.content.change(&file, 0..u64::MAX, write);
        let expected = [Ok(10), Err(Errno::ESTALE)][round % 2];
        assert_eq!(fixture.covered(&snapshot), expected, "round {round}");
    }
}

#[test]
fn a_change_in_place_beneath_the_driver_is_seen() {
    let fixture = Fixture::new();
    let snapshot = Snapshot::new(rows(10, 0.0));
    let good = built(&rows(10, 0.0), Metric::L2);
    fs::write(fixture.index(), &good[..]).unwrap();
    assert_eq!(fixture.covered(&snapshot), Ok(10));
    let file = File::options().write(true).open(fixture.index()).unwrap();
    let at = good.len() as u64 - 1;
    thread::sleep(SETTLED);
    file.write_all_at(&[!good[at as usize]], at).unwrap();
    assert_eq!(fixture.covered(&snapshot), Err(Errno::EUCLEAN));
    thread::sleep(SETTLED);
    file.write_all_at(&[good[at as usize]], at).unwrap();
    assert_eq!(fixture.covered(&snapshot), Ok(10));
    thread::sleep(SETTLED);
    file.set_len(at).unwrap();
    assert_eq!(fixture.covered(&snapshot), Err(Errno::EUCLEAN));
}

#[test]
fn the_metric_of_a_malformed_index_is_told_by_its_header() {
    let fixture = Fixture::new();
    let mut bytes = built(&rows(5, 0.0), Metric::L2).to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(fixture.index(), &bytes).unwrap();
    // Whichever is asked for first.
    for _ in 0..2 {
        assert_eq!(fixture.get_for(Metric::Cosine).unwrap_err(), Errno::ENODATA);
        assert_eq!(fixture.get().unwrap_err(), Errno::EUCLEAN);
    }
    bytes[0] ^= 1;
    fs::write(fixture.index(), &bytes).unwrap();
    assert_eq!(fixture.get_for(Metric::Cosine).unwrap_err(), Errno::EUCLEAN);
}

#[test]
fn only_a_regular_file_is_an_index() {
    let fixture = Fixture::new();
    fs::write(
        fixture.path("elsewhere"),
        &built(&rows(5, 0.0), Metric::L2)[..],
    )
    .unwrap();
    symlink("elsewhere", fixture.index()).unwrap();
    assert_eq!(fixture.get().unwrap_err(), Errno::ENODATA);
    fs::remove_file(fixture.index()).unwrap();
    // To open a pipe for reading would wait for a writer.
    mkfifo(&fixture.index(), Mode::S_IRWXU).unwrap();
    assert_eq!(fixture.get().unwrap_err(), Errno::ENODATA);
    fs::remove_file(fixture.index()).unwrap();
    fs::create_dir(fixture.index()).unwrap();
    assert_eq!(fixture.get().unwrap_err(), Errno::ENODATA);
    fs::remove_dir(fixture.index()).unwrap();
    fs::hard_link(fixture.path("elsewhere"), fixture.index()).unwrap();
    fixture.get().unwrap();
}

#[test]
fn the_content_is_asked_for_only_to_load() {
    let fixture = Fixture::new();
    fs::write(fixture.index(), &built(&rows(5, 0.0), Metric::L2)[..]).unwrap();
    thread::sleep(SETTLED);
    let asked = Cell::new(0);
    for _ in 0..3 {
        let beside = Beside {
            directory: fixture.directory.as_fd(),
            name: "v.fvecs".as_ref(),
            content: &|_: FileId| {
                asked.set(asked.get() + 1);
                Arc::default()
            },
        };
        fixture
            .sidecars
            .get(beside, Kind::Hnsw, Metric::L2)
            .unwrap();
    }
    assert_eq!(asked.get(), 1);
}

#[test]
fn an_index_is_held_against_each_snapshot() {
    let fixture = Fixture::new();
    fs::write(fixture.index(), &built(&rows(5, 0.0), Metric::L2)[..]).unwrap();
    let sidecar = fixture.get().unwrap();
    let snapshots = [rows(5, 0.0), rows(7, 0.0), rows(5, 1.0), rows(4, 0.0)].map(Snapshot::new);
    for _ in 0..2 {
        let verdicts = snapshots.each_ref().map(|rows| sidecar.of(rows).map(drop));
        assert_eq!(
            verdicts,
            [Ok(()), Ok(()), Err(Errno::ESTALE), Err(Errno::ESTALE)]
        );
    }
    let mut wider = Matrix::new(3);
    wider.push(&[0.0; 3]);
    let wider = sidecar.of(&Snapshot::new(wider)).map(drop);
    assert_eq!(wider, Err(Errno::EUCLEAN));
}

/// One thread replaces the index by renaming, over and over, three get it: never half of one, never none.
#[test]
fn an_index_is_replaced_while_others_search_by_it() {
    let fixture = Fixture::new();
    let snapshot = Snapshot::new(rows(40, 0.0));
    let versions: Vec<_> = (1..=40)
        .map(|count| built(&rows(count, 0.0), Metric::L2))
        .collect();
    fixture.rename_over(&versions[0]);
    let (done, gets) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let covered = fixture.covered(&snapshot).unwrap();
                    assert!(covered >= last, "an older index after a newer one");
                    last = covered;
                    gets.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for version in &versions {
            fixture.rename_over(version);
            let before = gets.load(Ordering::Relaxed);
            let deadline = Instant::now() + Duration::from_secs(30);
            while gets.load(Ordering::Relaxed) < before + 3 && Instant::now() < deadline {
                thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(fixture.covered(&snapshot), Ok(40));
}
