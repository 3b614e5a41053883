// SPDX-License-Identifier: MIT OR Apache-2.0
//! After changes through the driver, a snapshot is what a load of the whole file would give, and shares the rest.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use proptest::prelude::*;
use tempfile::{NamedTempFile, TempDir};
use vexfs::anns::distance::Backend;
use vexfs::anns::index::{self, Index, Kind, Parameters, Unobserved};
use vexfs::anns::{Changes, Metric, flat, lsh};
use vexfs::dataset::{Matrix, fvecs};
use vexfs::store::others::{Nobody, Others, Watched};
use vexfs::store::{Beside, Content, Sidecars, Snapshot, VectorFile};

use crate::unstamped::{SETTLED, Unstamped};

const DIM: usize = 300;
const ROW_BYTES: u64 = 4 + 4 * DIM as u64;

/// Elements that tell rows apart, in all pieces of a file.
fn matrix(rows: Range<usize>, salt: usize) -> Matrix {
    let mut matrix = Matrix::new(DIM);
    for row in rows {
        let element = |index| ((row * 31 + salt * 7 + index * 3) % 101) as f32 - 50.5;
        matrix.push(&(0..DIM).map(element).collect::<Vec<_>>());
    }
    matrix
}

fn bytes(rows: &Matrix) -> Vec<u8> {
    let mut bytes = Vec::new();
    fvecs::encode(&mut bytes, rows).unwrap();
    bytes
}

struct Fixture {
    file: NamedTempFile,
    content: Arc<Content>,
    vectors: VectorFile,
}

impl Fixture {
    fn new(rows: usize, others: Option<Arc<dyn Others>>) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&bytes(&matrix(0..rows, 0))).unwrap();
        // What was just written is loaded once more when its times are good.
        thread::sleep(SETTLED);
        let content = Arc::new(others.map_or_else(Content::default, Content::beside));
        Fixture {
            vectors: VectorFile::new(content.clone()),
            file,
            content,
        }
    }

    fn as_file(&self) -> &File {
        self.file.as_file()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.vectors.snapshot(self.as_file()).unwrap()
    }

    fn write(&self, bytes: &[u8], offset: u64) {
        let touched = offset..offset + bytes.len() as u64;
        let write = || self.as_file().write_all_at(bytes, offset).unwrap();
        self.content.change(self.file.as_file(), touched, write);
    }

    fn truncate(&self, size: u64) {
        let truncate = || self.as_file().set_len(size).unwrap();
        self.content.change(self.file.as_file(), 0..0, truncate);
    }
}

/// An index file, and what a driver keeps of it.
struct KeptIndex {
    folder: TempDir,
    sidecars: Sidecars,
    parsed: Index,
}

impl KeptIndex {
    fn new(rows: &Matrix) -> Self {
        let parameters = Parameters::Lsh(lsh::Parameters {
            tables: 1,
            hashes: 2,
            ..lsh::Parameters::default()
        });
        let bytes = index::build(rows, Metric::L2, &parameters, 1, 1, &Unobserved).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("v.fvecs.lsh"), &bytes[..]).unwrap();
        KeptIndex {
            folder,
            sidecars: Sidecars::default(),
            parsed: Index::parse(bytes, Kind::Lsh).unwrap(),
        }
    }

    /// The changes since the index was built, as the driver finds them from one snapshot to the next.
    fn judged(&self, snapshot: &Snapshot) -> Option<Changes> {
        let directory = File::open(self.folder.path()).unwrap();
        let beside = Beside {
            directory: directory.as_fd(),
            name: "v.fvecs".as_ref(),
            content: &|_| Arc::default(),
        };
        let sidecar = self.sidecars.get(beside, Kind::Lsh, Metric::L2).unwrap();
        let fitting = sidecar.of(snapshot).ok()?;
        let none = || Changes::none(self.parsed.header().rows as usize);
        Some(fitting.changes().cloned().unwrap_or_else(none))
    }

    /// Finds the same by all rows.
    fn anew(&self, snapshot: &Snapshot) -> Option<Changes> {
        self.parsed.changes(snapshot.rows()).ok()
    }
}

/// The elements of all rows.
fn elements(snapshot: &Snapshot) -> Vec<Vec<f32>> {
    let rows = snapshot.rows();
    (0..rows.rows())
        .map(|row| rows.row(row).to_owned())
        .collect()
}

/// The answers to a query by every metric and every code for distances, exactly and by chosen rows.
fn assert_searched_as(snapshot: &Snapshot, whole: &Matrix) {
    let query = matrix(7..8, 3);
    let query = query.row(0);
    for metric in Metric::ALL {
        let k = 50.min(whole.rows());
        let expected = flat::search_with(Backend::Scalar, whole, metric, query, k);
        for backend in Backend::ALL.iter().filter(|backend| backend.runs_here()) {
            let found = flat::search_with(*backend, snapshot.rows(), metric, query, k);
            assert_eq!(found, expected, "{metric} by {backend:?}");
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// So many rows more.
    Append(usize),
    /// Rows from a share of the file on.
    Overwrite(f64, usize),
    /// So many bytes of 1s there, which need not be whole rows.
    Bytes(f64, usize),
    /// A share of the file stays, whole rows or not.
    Cut(f64, bool),
    /// Rows that somebody overwrites beneath the driver, when times have settled.
    Beneath(f64),
    /// A search holds what there is.
    Hold,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1usize..4).prop_map(Step::Append),
        1 => (400usize..900).prop_map(Step::Append),
        3 => (0.0..1.0, 1usize..5).prop_map(|(at, rows)| Step::Overwrite(at, rows)),
        2 => (0.0..1.0, 1usize..3000).prop_map(|(at, bytes)| Step::Bytes(at, bytes)),
        2 => (0.3..1.0, any::<bool>()).prop_map(|(left, whole)| Step::Cut(left, whole)),
        1 => (0.0..1.0).prop_map(Step::Beneath),
        3 => Just(Step::Hold),
    ];
    prop::collection::vec(step, 1..12)
}

fn share(of: u64, share: f64) -> u64 {
    (of as f64 * share) as u64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_is_what_a_load_would_give(steps in steps(), watched in any::<bool>()) {
        let fixture = Fixture::new(1500, watched.then(|| Arc::new(Told::default()) as Arc<dyn Others>));
        fixture.snapshot();
        let index = KeptIndex::new(&matrix(0..1500, 0));
        let mut held = Vec::new();
        for (salt, step) in steps.iter().enumerate() {
            let size = fixture.as_file().metadata().unwrap().len();
            let rows = size / ROW_BYTES;
            match *step {
                Step::Append(count) => {
                    let last = rows as usize;
                    fixture.write(&bytes(&matrix(last..last + count, salt + 1)), rows * ROW_BYTES);
                }
                Step::Overwrite(at, count) => {
                    let first = share(rows, at);
                    fixture.write(&bytes(&matrix(0..count, salt + 1)), first * ROW_BYTES);
                }
                Step::Bytes(at, count) => fixture.write(&vec![1; count], share(size, at)),
                Step::Cut(left, true) => fixture.truncate(share(rows, left) * ROW_BYTES),
                Step::Cut(left, false) => fixture.truncate(share(size, left)),
                Step::Beneath(at) => {
                    thread::sleep(SETTLED);
                    let row = bytes(&matrix(0..1, salt + 1));
                    fixture.as_file().write_all_at(&row, share(rows, at) * ROW_BYTES).unwrap();
                }
                Step::Hold => {}
            }
            let expected = VectorFile::default().snapshot(fixture.as_file());
            let found = fixture.vectors.snapshot(fixture.as_file());
            match (expected, found) {
                (Ok(expected), Ok(found)) => {
                    prop_assert_eq!(elements(&found), elements(&expected), "after {:?}", step);
                    // What the index still describes is found out from what was changed since the last time.
                    prop_assert_eq!(index.judged(&found), index.anew(&found), "after {:?}", step);
                    if matches!(step, Step::Hold) {
                        held.push((elements(&found), found));
                    }
                }
                (expected, found) => prop_assert_eq!(expected.err(), found.err(), "after {:?}", step),
            }
        }
        for (before, snapshot) in held {
            prop_assert_eq!(elements(&snapshot), before, "what a search holds has changed");
        }
    }
}

#[test]
fn appended_and_overwritten_rows_are_searched_to_the_bit() {
    let fixture = Fixture::new(1500, Some(Arc::new(Told::default())));
    let old = fixture.snapshot();
    fixture.write(&bytes(&matrix(1500..2111, 1)), 1500 * ROW_BYTES);
    fixture.write(&bytes(&matrix(0..3, 2)), 700 * ROW_BYTES);
    let new = fixture.snapshot();
    let whole = fvecs::read(fixture.file.path()).unwrap();
    assert_searched_as(&new, &whole);
    assert_searched_as(&old, &matrix(0..1500, 0));
    assert_eq!(
        new.rows().row(1).as_ptr(),
        old.rows().row(1).as_ptr(),
        "it shares what was not touched"
    );

    // Nobody else holds it: it is changed where it is.
    drop(old);
    let place = new.rows().row(2110).as_ptr();
    let generation = new.generation();
    drop(new);
    fixture.write(&bytes(&matrix(2111..2112, 1)), 2111 * ROW_BYTES);
    let newer = fixture.snapshot();
    assert_eq!(newer.rows().row(2110).as_ptr(), place);
    assert_ne!(newer.generation(), generation);
    assert_searched_as(&newer, &fvecs::read(fixture.file.path()).unwrap());
}

#[test]
fn rows_that_became_what_they_were_keep_their_generation() {
    let fixture = Fixture::new(6000, Some(Arc::new(Told::default())));
    let old = fixture.snapshot();
    let first = old.version_of_first(6000);
    fixture.write(&bytes(&matrix(800..803, 0)), 800 * ROW_BYTES);
    assert_eq!(fixture.snapshot().generation(), old.generation());

    // What is cut off and comes back may be other rows.
    fixture.truncate(5500 * ROW_BYTES);
    fixture.snapshot();
    fixture.write(&bytes(&matrix(5500..6000, 1)), 5500 * ROW_BYTES);
    let grown = fixture.snapshot();
    assert_eq!(grown.rows().rows(), 6000);
    assert_eq!(grown.version_of_first(5500), first);
    assert_ne!(grown.version_of_first(5501), first);

    fixture.write(&bytes(&matrix(800..803, 1)), 800 * ROW_BYTES);
    let new = fixture.snapshot();
    assert_eq!(new.version_of_first(800), first);
    assert_ne!(new.version_of_first(801), first);
    assert_ne!(new.version_of_first(801), grown.version_of_first(6000));
}

#[test]
fn another_dimension_is_seen() {
    let fixture = Fixture::new(1, Some(Arc::new(Told::default())));
    fixture.snapshot();
    // The second byte of the dimension becomes 0: it is 44.
    fixture.write(&[0], 1);
    let told = fixture.vectors.snapshot(fixture.as_file());
    assert_eq!(told.unwrap_err(), Errno::EBADMSG);
    fixture.truncate(4 + 4 * 44);
    assert_eq!(fixture.snapshot().rows().dim(), 44);
}

#[test]
fn a_half_row_is_told_and_the_rest_of_it_mends_the_file() {
    let fixture = Fixture::new(1500, Some(Arc::new(Told::default())));
    let first = fixture.snapshot().rows().row(0).as_ptr();
    let row = bytes(&matrix(1500..1501, 1));
    let (front, back) = row.split_at(100);
    let end = 1500 * ROW_BYTES;
    fixture.write(front, end);
    for _ in 0..2 {
        let told = fixture.vectors.snapshot(fixture.as_file());
        assert_eq!(told.unwrap_err(), Errno::EBADMSG);
    }
    fixture.write(back, end + 100);
    let mended = fixture.snapshot();
    assert_eq!(mended.rows().rows(), 1501);
    assert_eq!(
        mended.rows().row(0).as_ptr(),
        first,
        "only the row was read"
    );
}

/// Who is told of nothing, or of what a test counts.
#[derive(Debug, Default)]
struct Told(Arc<AtomicU64>);

impl Others for Told {
    fn watch(self: Arc<Self>, _: BorrowedFd<'_>) -> Option<Box<dyn Watched>> {
        Some(Box::new(Told(self.0.clone())))
    }
}

impl Watched for Told {
    fn changes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn is_sure(&self) -> bool {
        false
    }
}

/// A driver that has appended a row, and somebody who then changes the first row and leaves no trace.
fn changed_without_a_trace(others: Arc<dyn Others>) -> (Fixture, Unstamped, Vec<u8>) {
    let fixture = Fixture::new(4, Some(others));
    fixture.snapshot();
    let rows = bytes(&matrix(0..4, 0));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(fixture.file.path());
    let unstamped = Unstamped::new(&file.unwrap(), &rows);
    thread::sleep(SETTLED);
    fixture.snapshot();
    fixture.write(&bytes(&matrix(4..5, 0)), 4 * ROW_BYTES);
    assert_eq!(fixture.snapshot().rows().rows(), 5);
    (fixture, unstamped, bytes(&matrix(0..4, 9)))
}

#[test]
fn what_a_tick_hides_of_a_file_that_is_not_watched_is_seen_after_it() {
    let fixture = Fixture::new(4, None);
    fixture.snapshot();
    let rows = bytes(&matrix(0..4, 0));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(fixture.file.path());
    let unstamped = Unstamped::new(&file.unwrap(), &rows);
    thread::sleep(SETTLED);
    fixture.snapshot();
    fixture.write(&bytes(&matrix(4..5, 0)), 4 * ROW_BYTES);
    unstamped.write(&bytes(&matrix(0..4, 9)));
    // No search comes before the times have settled.
    thread::sleep(SETTLED);
    assert_eq!(elements(&fixture.snapshot())[0], matrix(0..1, 9).row(0));
}

#[test]
fn what_others_are_told_to_have_changed_is_seen_at_once() {
    let told = Arc::new(Told::default());
    let (fixture, unstamped, changed) = changed_without_a_trace(told.clone());
    unstamped.write(&changed);
    told.0.fetch_add(1, Ordering::Relaxed);
    assert_eq!(elements(&fixture.snapshot())[0], matrix(0..1, 9).row(0));
}

#[test]
fn what_nobody_tells_is_seen_after_a_second() {
    let (fixture, unstamped, changed) = changed_without_a_trace(Arc::new(Told::default()));
    unstamped.write(&changed);
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(elements(&fixture.snapshot())[0], matrix(0..1, 9).row(0));
}

#[test]
fn a_driver_that_has_the_store_for_itself_reads_nothing_again() {
    let (fixture, unstamped, changed) = changed_without_a_trace(Arc::new(Nobody));
    unstamped.write(&changed);
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(elements(&fixture.snapshot())[0], matrix(0..1, 0).row(0));
}

#[test]
fn a_change_beneath_between_two_changes_is_seen() {
    let fixture = Fixture::new(1500, None);
    fixture.snapshot();
    fixture.write(&bytes(&matrix(1500..1501, 1)), 1500 * ROW_BYTES);
    thread::sleep(SETTLED);
    let beneath = bytes(&matrix(3..4, 5));
    fixture
        .as_file()
        .write_all_at(&beneath, 3 * ROW_BYTES)
        .unwrap();
    thread::sleep(SETTLED);
    fixture.write(&bytes(&matrix(1501..1502, 1)), 1501 * ROW_BYTES);
    let seen = fixture.snapshot();
    assert_eq!(seen.rows().row(3), matrix(3..4, 5).row(0));
    assert_eq!(seen.rows().rows(), 1502);
}
