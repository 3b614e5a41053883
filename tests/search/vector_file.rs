// SPDX-License-Identifier: MIT OR Apache-2.0
//! A vector file's snapshot follows its content.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use tempfile::TempDir;
use vexfs::dataset::{Matrix, fvecs};
use vexfs::store::{Content, VectorFile};

use crate::unstamped::{SETTLED, Unstamped};

struct Fixture {
    _folder: TempDir,
    file: File,
    content: Arc<Content>,
    vectors: VectorFile,
}

fn encoded(rows: usize, value: f32) -> Vec<u8> {
    let mut matrix = Matrix::new(2);
    (0..rows).for_each(|_| matrix.push(&[value; 2]));
    let mut bytes = Vec::new();
    fvecs::encode(&mut bytes, &matrix).unwrap();
    bytes
}

impl Fixture {
    fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fvecs");
        std::fs::write(&path, bytes).unwrap();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let content = Arc::<Content>::default();
        Fixture {
            _folder: folder,
            file,
            vectors: VectorFile::new(content.clone()),
            content,
        }
    }

    /// The first element of the rows, of which all are equal, and their number.
    fn seen(&self) -> (f32, usize) {
        let snapshot = self.vectors.snapshot(&self.file).unwrap();
        let rows = snapshot.rows();
        let first = rows.row(0)[0];
        assert!(
            (0..rows.rows()).all(|row| rows.row(row) == [first; 2]),
            "a torn write was loaded"
        );
        (first, rows.rows())
    }

    /// Changes the file through the driver, anywhere.
    fn change<R>(&self, operation: impl FnOnce() -> R) -> R {
        self.content.change(&self.file, 0..u64::MAX, operation)
    }

    /// Writes through the driver.
    fn write(&self, bytes: &[u8], offset: u64) {
        let touched = offset..offset + bytes.len() as u64;
        let write = || self.file.write_all_at(bytes, offset).unwrap();
        self.content.change(&self.file, touched, write);
    }
}

#[test]
fn an_unchanged_file_is_loaded_once() {
    let fixture = Fixture::new(&encoded(3, 1.0));
    thread::sleep(SETTLED);
    let first = fixture.vectors.snapshot(&fixture.file).unwrap();
    let second = fixture.vectors.snapshot(&fixture.file).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
}

#[test]
fn a_change_through_the_driver_is_seen_at_once_whatever_the_times_say() {
    let fixture = Fixture::new(&encoded(3, 1.0));
    let unstamped = Unstamped::new(&fixture.file, &encoded(3, 1.0));
    thread::sleep(SETTLED);
    for round in 2..100u8 {
        let value = f32::from(round);
        fixture.change(|| unstamped.write(&encoded(3, value)));
        assert_eq!(fixture.seen(), (value, 3));
    }
}

#[test]
fn a_change_beneath_the_driver_is_seen() {
    let fixture = Fixture::new(&encoded(3, 1.0));
    for value in [2.0, 3.0] {
        fixture.seen();
        thread::sleep(SETTLED);
        fixture.file.write_all_at(&encoded(3, value), 0).unwrap();
        assert_eq!(fixture.seen(), (value, 3));
    }
    fixture.file.set_len(12).unwrap();
    assert_eq!(fixture.seen(), (3.0, 1));
}

#[test]
fn a_change_beneath_the_driver_just_after_a_load_is_seen_soon() {
    let fixture = Fixture::new(&encoded(3, 1.0));
    // Again if this thread was held up for so long that the file could be trusted when it was loaded.
    for _ in 0..100 {
        let stamped = Instant::now();
        let unstamped = Unstamped::new(&fixture.file, &encoded(3, 2.0));
        assert_eq!(fixture.seen(), (2.0, 3));
        let loaded = stamped.elapsed();
        unstamped.write(&encoded(3, 3.0));
        thread::sleep(SETTLED);
        if loaded < Duration::from_millis(10) {
            assert_eq!(fixture.seen(), (3.0, 3));
            return;
        }
    }
    panic!("this machine is too busy to load three rows within 10 ms");
}

#[test]
fn equal_rows_keep_their_generation_and_others_get_a_new_one() {
    let fixture = Fixture::new(&encoded(3, 1.0));
    let generation = || {
        fixture
            .vectors
            .snapshot(&fixture.file)
            .unwrap()
            .generation()
    };
    let first = generation();
    fixture.write(&encoded(3, 1.0), 0);
    assert_eq!(generation(), first);
    fixture.write(&encoded(4, 1.0), 0);
    assert_ne!(generation(), first);
}

#[test]
fn a_file_that_cannot_be_loaded_gives_its_errno_until_it_is_mended() {
    let fixture = Fixture::new(&encoded(3, 1.0)[..10]);
    for _ in 0..2 {
        assert_eq!(
            fixture.vectors.snapshot(&fixture.file).unwrap_err(),
            Errno::EBADMSG
        );
    }
    fixture.write(&encoded(1, 5.0), 0);
    assert_eq!(fixture.seen(), (5.0, 1));

    let folder = tempfile::tempdir().unwrap();
    let not_a_file = File::open(folder.path()).unwrap();
    assert_eq!(
        VectorFile::default().snapshot(&not_a_file).unwrap_err(),
        Errno::EIO
    );
}

#[test]
fn loading_leaves_the_position_of_the_open_file_alone() {
    let mut fixture = Fixture::new(&encoded(3, 1.0));
    fixture.file.seek(SeekFrom::Start(7)).unwrap();
    fixture.seen();
    assert_eq!(fixture.file.stream_position().unwrap(), 7);
}

#[test]
fn no_half_of_a_change_is_loaded() {
    let fixture = Fixture::new(&encoded(1000, 0.0));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let searchers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        fixture.seen();
                    }
                })
            })
            .collect();
        for round in 1..100u8 {
            let bytes = encoded(1000, f32::from(round));
            let (front, back) = bytes.split_at(bytes.len() / 2);
            fixture.change(|| {
                fixture.file.write_all_at(front, 0).unwrap();
                thread::yield_now();
                fixture.file.write_all_at(back, front.len() as u64).unwrap();
            });
        }
        done.store(true, Ordering::Relaxed);
        searchers
            .into_iter()
            .for_each(|searcher| searcher.join().unwrap());
    });
    assert_eq!(fixture.seen(), (99.0, 1000));
}
