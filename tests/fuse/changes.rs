// SPDX-License-Identifier: MIT OR Apache-2.0
//! A search after changes through the mount, between which others change the same file beneath it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vexfs::anns::{Metric, flat};
use vexfs::client::{Kind, Method, Searcher};
use vexfs::dataset::fvecs;

use crate::fixture::Mounted;
use crate::process::Driver;

const DIM: usize = 40;
const ROW_BYTES: u64 = 4 + 4 * DIM as u64;

/// Past the time in which file times cannot be trusted.
const SETTLED: Duration = Duration::from_millis(40);

/// How long a search may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

fn encoded(first: f32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let row: Vec<f32> = (0..DIM).map(|j| first + j as f32 / 64.0).collect();
    fvecs::encode_row(&mut bytes, &row).unwrap();
    bytes
}

fn method(k: u32) -> Method {
    Method {
        kind: Kind::Flat,
        metric: Metric::L2,
        k,
        effort: 0,
    }
}

/// Another process than the driver's, which is this one, writes a row.
fn write_by_another(path: &Path, row: &[u8], number: u64) {
    let mut writer = Command::new("dd")
        .args(["conv=notrunc", "status=none", "iflag=fullblock"])
        .args([format!("bs={ROW_BYTES}"), format!("seek={number}")])
        .arg(format!("of={}", path.display()))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(row).unwrap();
    assert!(writer.wait().unwrap().success());
}

/// Rows whose first elements are 0, 1, 2 and so on.
fn with_rows(mounted: &Mounted, rows: usize) -> (Searcher, File) {
    let all: Vec<u8> = (0..rows).flat_map(|row| encoded(row as f32)).collect();
    fs::write(mounted.path("v.fvecs"), all).unwrap();
    let searcher = Searcher::open(&mounted.path("v.fvecs")).unwrap();
    let mut options = OpenOptions::new();
    let through = options.read(true).write(true).open(mounted.path("v.fvecs"));
    (searcher, through.unwrap())
}

#[test]
fn a_change_beneath_just_after_one_through_the_mount_is_seen_at_once() {
    let mounted = Mounted::new();
    let (searcher, through) = with_rows(&mounted, 200);
    let nearest = |value: f32| {
        let query: Vec<f32> = (0..DIM).map(|j| value + j as f32 / 64.0).collect();
        searcher.search(&query, method(1)).unwrap().hits[0]
    };
    nearest(0.0);
    for round in 0..200usize {
        let last = 200 + round;
        through
            .write_all_at(&encoded(last as f32), last as u64 * ROW_BYTES)
            .unwrap();
        assert_eq!(nearest(last as f32).row, last as u32);
        // No size changes, and no time need change within a tick of the clock.
        let value = -1.0 - round as f32;
        write_by_another(&mounted.lower("v.fvecs"), &encoded(value), round as u64);
        let hit = nearest(value);
        assert_eq!((hit.row, hit.distance), (round as u32, 0), "round {round}");
    }
}

#[test]
fn searches_of_a_file_that_grows_and_changes_see_whole_rows() {
    let mounted = Mounted::new();
    let (_, through) = with_rows(&mounted, 5000);
    let searches = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let searcher = Searcher::open(&mounted.path("v.fvecs")).unwrap();
                while done.load(Ordering::Relaxed) == 0 {
                    // A row that is written anew is one of two, each of which is at its distance from the query.
                    let found = searcher.search(&[0.0; DIM], method(5)).unwrap();
                    assert!(found.rows >= 5000);
                    assert_eq!(found.hits.len(), 5);
                    searches.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let begun = Instant::now();
        for round in 0..300usize {
            let last = 5000 + round as u64;
            through
                .write_all_at(&encoded(last as f32), last * ROW_BYTES)
                .unwrap();
            let value = if round % 2 == 0 { 0.25 } else { 77.0 };
            through
                .write_all_at(&encoded(value), 77 * ROW_BYTES)
                .unwrap();
        }
        // Searches end although the file changes all the time. A busy machine may have begun none so far.
        while searches.load(Ordering::Relaxed) < 10 && begun.elapsed() < PATIENCE {
            through
                .write_all_at(&encoded(77.0), 77 * ROW_BYTES)
                .unwrap();
        }
        done.store(1, Ordering::Relaxed);
    });
    assert!(searches.load(Ordering::Relaxed) >= 10);

    let rows = fvecs::read(&mounted.lower("v.fvecs")).unwrap();
    assert_eq!(rows.rows(), 5300);
    let searcher = Searcher::open(&mounted.path("v.fvecs")).unwrap();
    for query in [[0.0; DIM], [77.0; DIM], [5200.0; DIM]] {
        let found = searcher.search(&query, method(50)).unwrap();
        assert_eq!(found.hits, flat::search(&rows, Metric::L2, &query, 50).hits);
    }
}

#[test]
fn after_a_row_is_appended_a_search_reads_that_row_whenever_it_comes() {
    const ROWS: u64 = 20_000;
    let driver = Driver::start();
    let path = driver.mount_point.path().join("v.fvecs");
    let all: Vec<u8> = (0..ROWS).flat_map(|row| encoded(row as f32)).collect();
    fs::write(&path, all).unwrap();
    let searcher = Searcher::open(&path).unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    thread::sleep(SETTLED);
    let search = || {
        let before = driver.bytes_read();
        let found = searcher.search(&[0.0; DIM], method(1)).unwrap();
        (found.rows, driver.bytes_read() - before)
    };
    assert!(
        search().1 >= ROWS * ROW_BYTES,
        "the first one reads the file"
    );
    for row in ROWS..ROWS + 5 {
        file.write_all(&encoded(row as f32)).unwrap();
        // The times of the file prove nothing at first, and something later.
        for _ in 0..2 {
            let (rows, read) = search();
            assert_eq!(rows, row + 1);
            assert!(read < 64 << 10, "{read} bytes were read");
            thread::sleep(SETTLED);
        }
    }
}
