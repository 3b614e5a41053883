// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches through the mount: the bits of a search in process, the errors of `docs/abi.md`, and no torn rows.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytemuck::Zeroable;
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect};
use vexfs::anns::{Filter, Hit, Metric, flat};
use vexfs::client::{Kind, Method, Searcher};
use vexfs::dataset::{Matrix, fvecs};
use vexfs::store::abi::{self, Info, Search};

use crate::fixture::Mounted;

const DIM: usize = 24;

/// Row `i` can be told from every other by its distance to the origin.
fn row(i: usize) -> Vec<f32> {
    (0..DIM).map(|j| i as f32 + j as f32 / 64.0).collect()
}

fn encoded(rows: std::ops::Range<usize>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for i in rows {
        fvecs::encode_row(&mut bytes, &row(i)).unwrap();
    }
    bytes
}

fn flat(k: u32) -> Method {
    Method {
        kind: Kind::Flat,
        metric: Metric::L2,
        k,
        effort: 0,
    }
}

/// Rows of more elements than a request has room for, searched by several threads through one open file.
#[test]
fn long_vectors_are_searched_in_parts() {
    for dim in [abi::DIM_INLINE as usize + 1, abi::DIM_MAX as usize] {
        let mounted = Mounted::new();
        let row =
            |i: usize| -> Vec<f32> { (0..dim).map(|j| ((i + 1) * (j + 7) % 101) as f32).collect() };
        let mut rows = Matrix::new(dim);
        (0..12).for_each(|i| rows.push(&row(i)));
        let mut bytes = Vec::new();
        fvecs::encode(&mut bytes, &rows).unwrap();
        fs::write(mounted.path("v.fvecs"), bytes).unwrap();
        let searcher = Searcher::open(&mounted.path("v.fvecs")).unwrap();
        thread::scope(|scope| {
            for i in 0..4 {
                let (searcher, rows) = (&searcher, &rows);
                scope.spawn(move || {
                    for again in 0..5 {
                        let query: Vec<f32> = row(i + again).iter().map(|x| x + 0.25).collect();
                        let found = searcher.search(&query, flat(5)).unwrap();
                        assert_eq!(found.hits, flat::search(rows, Metric::L2, &query, 5).hits);
                    }
                });
            }
        });
        let mut query = row(0);
        query[dim - 1] = f32::NAN;
        let refused = searcher.search(&query, flat(1)).unwrap_err();
        assert_eq!(refused.errno(), Some(Errno::EDOM), "{refused}");
        let refused = searcher.search(&vec![0.0; dim - 1], flat(1)).unwrap_err();
        assert_eq!(refused.errno(), Some(Errno::EMSGSIZE), "{refused}");
    }
}

/// More filters than the driver holds, in turns and by several threads.
#[test]
fn filters_give_way_and_are_sent_anew() {
    const WORDS: usize = 1 << 20;
    let mounted = Mounted::new();
    fs::write(mounted.path("v.fvecs"), encoded(0..50)).unwrap();
    let filtered = |i: usize| {
        let word = |word| {
            if word == 0 {
                1 << i | 1 << (i + 30)
            } else {
                u64::MAX
            }
        };
        let filter: Filter = (0..WORDS).map(word).collect();
        Searcher::open(&mounted.path("v.fvecs"))
            .unwrap()
            .keeping_to(filter)
    };
    let searchers: Vec<_> = (0..9).map(filtered).collect();
    for again in 0..2 {
        for (i, searcher) in searchers.iter().enumerate() {
            thread::scope(|scope| {
                for thread in 0..2 {
                    scope.spawn(move || {
                        let found = searcher.search(&row(20 + thread), flat(3)).unwrap();
                        let rows: Vec<_> = found.hits.iter().map(|hit| hit.row as usize).collect();
                        let mut wanted = [i, i + 30];
                        wanted.sort_by_key(|row| row.abs_diff(20 + thread));
                        assert_eq!(rows, wanted, "{again}");
                        assert_eq!(found.evaluated, 2);
                    });
                }
            });
        }
    }
    let too_large: Filter = (0..9 * WORDS).map(|_| 1).collect();
    let searcher = Searcher::open(&mounted.path("v.fvecs")).unwrap();
    let refused = searcher
        .keeping_to(too_large)
        .search(&row(0), flat(1))
        .unwrap_err();
    assert_eq!(refused.errno(), Some(Errno::ENOMEM), "{refused}");
}

/// A batch goes in as many requests as it needs. What is wrong with one query is said of it.
#[test]
fn many_queries_are_searched_at_once() {
    let mounted = Mounted::new();
    fs::write(mounted.path("v.fvecs"), encoded(0..300)).unwrap();
    let mut rows = Matrix::new(DIM);
    (0..300).for_each(|i| rows.push(&row(i)));
    let mut queries = Matrix::new(DIM);
    (0..250).for_each(|i| queries.push(&row(i).iter().map(|x| x + 0.3).collect::<Vec<_>>()));
    let searcher = Searcher::open(&mounted.path("v.fvecs")).unwrap();
    for k in [1, 10, 150] {
        let found = searcher.search_batch(&queries, 0..250, flat(k)).unwrap();
        assert_eq!(found.len(), 250);
        for (query, found) in queries.iter().zip(found) {
            let wanted = flat::search(&rows, Metric::L2, query, k as usize).hits;
            assert_eq!(found.hits, wanted);
            assert_eq!((found.rows, found.evaluated), (300, 300));
        }
    }
    let part = searcher.search_batch(&queries, 100..103, flat(2)).unwrap();
    let hits = |i| {
        searcher
            .search(queries.row(i), flat(2))
            .unwrap()
            .hits
            .clone()
    };
    assert!(
        (100..103)
            .map(hits)
            .eq(part.into_iter().map(|found| found.hits))
    );

    let refused = searcher
        .search_batch(&queries, 0..9, flat(301))
        .unwrap_err();
    assert_eq!(refused.errno(), Some(Errno::ERANGE), "{refused}");
    let wide = Matrix::from_row(&[0.0; DIM + 1]);
    let refused = searcher.search_batch(&wide, 0..1, flat(3)).unwrap_err();
    assert_eq!(refused.errno(), Some(Errno::EMSGSIZE), "{refused}");
}

#[test]
fn the_mount_answers_as_the_library_does() {
    let mounted = Mounted::new();
    fs::write(mounted.path("v.fvecs"), encoded(0..500)).unwrap();
    let mut rows = Matrix::new(DIM);
    (0..500).for_each(|i| rows.push(&row(i)));
    let searcher = Searcher::open(&mounted.path("v.fvecs")).unwrap();
    assert_eq!(searcher.driver(), "fuse.vexfs");
    for i in [0, 7, 499] {
        let query: Vec<f32> = row(i).iter().map(|x| x + 0.3).collect();
        let found = searcher.search(&query, flat(10)).unwrap();
        assert_eq!(found.hits, flat::search(&rows, Metric::L2, &query, 10).hits);
        assert_eq!(found.rows, 500);
    }
}

#[test]
fn every_change_is_seen_by_the_next_search() {
    let mounted = Mounted::new();
    let path = mounted.path("v.fvecs");
    fs::write(&path, encoded(0..10)).unwrap();
    let searcher = Searcher::open(&path).unwrap();
    let nearest = |i| searcher.search(&row(i), flat(1)).unwrap().hits[0].row;
    let rows = || searcher.info().unwrap().rows;
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let mut append = OpenOptions::new().append(true).open(&path).unwrap();
    for i in 10..40 {
        append.write_all(&encoded(i..i + 1)).unwrap();
        assert_eq!(nearest(i), i as u32);
    }
    file.set_len(encoded(0..20).len() as u64).unwrap();
    assert_eq!((rows(), nearest(39)), (20, 19));

    let generation = searcher.info().unwrap().generation;
    assert_eq!(searcher.info().unwrap().generation, generation);
    let other = File::open(mounted.path("v.fvecs")).unwrap();
    let end = encoded(0..20).len() as u64;
    let (mut from, mut to) = (0, end);
    let copied =
        rustix::fs::copy_file_range(&other, Some(&mut from), &file, Some(&mut to), end as usize);
    assert_eq!(copied.unwrap(), end as usize);
    assert_eq!(rows(), 40);
    assert_ne!(searcher.info().unwrap().generation, generation);

    // Beneath the driver as well.
    fs::write(mounted.lower("v.fvecs"), encoded(0..5)).unwrap();
    assert_eq!(rows(), 5);
    // A file that has lost its name still has its rows.
    fs::remove_file(&path).unwrap();
    assert_eq!(nearest(3), 3);
}

#[test]
fn the_name_at_the_time_of_opening_makes_a_vector_file() {
    let mounted = Mounted::new();
    fs::write(mounted.path("data"), encoded(0..3)).unwrap();
    let plain = File::open(mounted.path("data")).unwrap();
    assert_eq!(send(&plain, &mut info()), Err(Errno::ENOTTY));
    fs::hard_link(mounted.path("data"), mounted.path("data.fvecs")).unwrap();
    let vectors = File::open(mounted.path("data.fvecs")).unwrap();
    assert_eq!(send(&vectors, &mut info()), Ok(()));
    assert_eq!(send(&plain, &mut info()), Err(Errno::ENOTTY));
    fs::rename(mounted.path("data"), mounted.path("data.txt")).unwrap();
    assert_eq!(send(&vectors, &mut info()), Ok(()));
    fs::create_dir(mounted.path("dir.fvecs")).unwrap();
    let directory = File::open(mounted.path("dir.fvecs")).unwrap();
    assert_eq!(send(&directory, &mut info()), Err(Errno::ENOTTY));
}

/// A command and its data, as bytes that a test can spoil.
struct Request {
    command: u32,
    data: Vec<u8>,
}

fn info() -> Request {
    Request {
        command: abi::IOC_INFO,
        data: vec![0; size_of::<Info>()],
    }
}

fn search(dim: usize, k: usize) -> Request {
    let header = Search {
        dim: dim as u32,
        k: k as u32,
        ..Search::zeroed()
    };
    let bytes = abi::search_bytes(dim, k);
    let mut data = bytemuck::bytes_of(&header).to_vec();
    data.resize(bytes, 0);
    Request {
        command: abi::ioc_search(bytes),
        data,
    }
}

/// A search whose header is spoilt.
fn search_with(spoil: impl FnOnce(&mut Search)) -> Request {
    let mut request = search(DIM, 2);
    spoil(bytemuck::from_bytes_mut(
        &mut request.data[..size_of::<Search>()],
    ));
    request
}

fn send(file: &File, request: &mut Request) -> Result<(), Errno> {
    // SAFETY: the data is at least as long as the command says: each test that changes one of them sees to it.
    let result = unsafe {
        libc::ioctl(
            file.as_raw_fd(),
            request.command.into(),
            request.data.as_mut_ptr(),
        )
    };
    Errno::result(result).map(drop)
}

#[test]
fn every_error_has_its_errno() {
    let mounted = Mounted::new();
    let vectors = |name: &str, content: &[u8]| {
        fs::write(mounted.path(name), content).unwrap();
        File::open(mounted.path(name)).unwrap()
    };
    let file = vectors("v.fvecs", &encoded(0..3));
    let check = |file: &File, mut request: Request, expected: Errno| {
        assert_eq!(send(file, &mut request), Err(expected));
    };
    assert_eq!(send(&file, &mut search(DIM, 3)), Ok(()));

    let unknown = Request {
        command: abi::IOC_INFO + 7,
        data: vec![0; 4096],
    };
    check(&file, unknown, Errno::ENOTTY);
    check(&vectors("v.txt", b""), search(DIM, 1), Errno::ENOTTY);
    let write_only = OpenOptions::new()
        .write(true)
        .open(mounted.path("v.fvecs"))
        .unwrap();
    check(&write_only, search(DIM, 1), Errno::EBADF);
    let short = Request {
        command: abi::ioc_search(60),
        data: vec![0; 60],
    };
    check(&file, short, Errno::EINVAL);

    type Spoil = fn(&mut Search);
    let spoilt: [(Spoil, Errno); 14] = [
        (|s| s.flags = 1, Errno::EINVAL),
        (|s| s.count = 1, Errno::EINVAL),
        (|s| s.filter = 1, Errno::EINVAL),
        (|s| s.rows = 1, Errno::EINVAL),
        (|s| s.generation = 1, Errno::EINVAL),
        (|s| s.evaluated = 1, Errno::EINVAL),
        (|s| s.query = 1, Errno::EINVAL),
        (|s| s.k = 0, Errno::EINVAL),
        (|s| s.k = abi::K_MAX + 1, Errno::EINVAL),
        (|s| s.dim = 0, Errno::EINVAL),
        (|s| s.dim = abi::DIM_INLINE + 1, Errno::EINVAL),
        (|s| s.kind = 99, Errno::EOPNOTSUPP),
        (|s| s.metric = 99, Errno::EOPNOTSUPP),
        (|s| s.effort = 1, Errno::EINVAL),
    ];
    for (spoil, expected) in spoilt {
        check(&file, search_with(spoil), expected);
    }
    let mut longer = search(DIM, 2);
    longer.data.extend([0; 4]);
    longer.command = abi::ioc_search(longer.data.len());
    check(&file, longer, Errno::EINVAL);
    let mut flagged = info();
    flagged.data[0] = 1;
    check(&file, flagged, Errno::EINVAL);
    for bad in [f32::NAN, f32::INFINITY] {
        let mut request = search(DIM, 1);
        request.data[64..68].copy_from_slice(&bad.to_le_bytes());
        check(&file, request, Errno::EDOM);
    }

    check(&file, search(DIM + 1, 1), Errno::EMSGSIZE);
    check(&file, search(DIM, 4), Errno::ERANGE);
    check(&vectors("empty.fvecs", b""), search(5, 1), Errno::ERANGE);
    let cut = &encoded(0..2)[..150];
    check(&vectors("cut.fvecs", cut), search(DIM, 1), Errno::EBADMSG);
    check(&vectors("cut.fvecs", cut), info(), Errno::EBADMSG);
    let mut nan = encoded(0..1);
    nan[4..8].copy_from_slice(&f32::NAN.to_le_bytes());
    check(&vectors("nan.fvecs", &nan), search(DIM, 1), Errno::EBADMSG);
    let zero = 0_u32.to_le_bytes();
    check(
        &vectors("zero.fvecs", &zero),
        search(DIM, 1),
        Errno::EBADMSG,
    );
}

#[test]
fn memory_that_cannot_be_read_or_written_is_a_fault() {
    let mounted = Mounted::new();
    fs::write(mounted.path("v.fvecs"), encoded(0..3)).unwrap();
    let file = File::open(mounted.path("v.fvecs")).unwrap();
    let request = search(DIM, 1);
    let call = |protection| {
        // SAFETY: a fresh mapping of one page, which the request fits in; the kernel respects its protection.
        unsafe {
            let writable = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
            let length = 4096.try_into().unwrap();
            let page = mmap_anonymous(None, length, writable, MapFlags::MAP_PRIVATE).unwrap();
            let bytes = page.cast::<u8>().as_ptr();
            bytes.copy_from_nonoverlapping(request.data.as_ptr(), request.data.len());
            mprotect(page, 4096, protection).unwrap();
            Errno::result(libc::ioctl(file.as_raw_fd(), request.command.into(), bytes))
        }
    };
    assert_eq!(call(ProtFlags::PROT_NONE), Err(Errno::EFAULT));
    assert_eq!(call(ProtFlags::PROT_READ), Err(Errno::EFAULT));
    assert_eq!(call(ProtFlags::PROT_READ | ProtFlags::PROT_WRITE), Ok(0));
}

/// Searches run while rows are appended and cut off, and while files come and go. Each search has to see whole rows:
/// every hit is at the distance that its row is known to have.
#[test]
fn searches_never_see_half_a_change() {
    let mounted = Mounted::new();
    let path = mounted.path("v.fvecs");
    fs::write(&path, encoded(0..50)).unwrap();
    let stop = AtomicBool::new(false);
    let (searches, reached) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let query = vec![0.0; DIM];
    let distance = |i| {
        let mut one = Matrix::new(DIM);
        one.push(&row(i));
        flat::search(&one, Metric::L2, &query, 1).hits[0].distance
    };
    let expected: Vec<Hit> = (0..10)
        .map(|i| Hit {
            row: i as u32,
            distance: distance(i),
        })
        .collect();

    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let searcher = Searcher::open(&path).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let found = searcher.search(&query, flat(10)).unwrap();
                    assert_eq!(found.hits, expected);
                    assert!((50..=150).contains(&found.rows));
                    reached.fetch_max(found.rows as usize, Ordering::Relaxed);
                    searches.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            while !stop.load(Ordering::Relaxed) {
                for i in 50..150 {
                    file.write_all(&encoded(i..i + 1)).unwrap();
                }
                file.set_len(encoded(0..50).len() as u64).unwrap();
            }
        });
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let short_lived = mounted.path("w.fvecs");
                fs::write(&short_lived, encoded(0..20)).unwrap();
                let searcher = Searcher::open(&short_lived).unwrap();
                fs::remove_file(&short_lived).unwrap();
                assert_eq!(searcher.search(&query, flat(10)).unwrap().hits, expected);
            }
        });
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(searches.into_inner() > 20, "hardly any search was tried");
    assert!(reached.into_inner() > 50, "no search saw an appended row");
}
