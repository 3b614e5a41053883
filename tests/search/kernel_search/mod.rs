// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares the search of the kernel module, built for user space, with ours: equal to the bit
//! (`docs/differential.md`).
//!
//! The module's sources are compiled as they are. `tests/support/kernel` stands in for the few parts of the kernel that
//! they use.

mod corpus;
mod cost;
mod files;
#[path = "../../fuzz/rust.rs"]
mod fuzz;
mod library;
mod loaders;
mod values;

use std::time::Instant;

use rand_core::SeedableRng;
use rand_pcg::Pcg64;
use vexfs::anns::distance::Backend;
use vexfs::anns::index::{Among, Bytes, Index, Kind};
use vexfs::anns::{Answer, Filter, Metric, flat};
use vexfs::dataset::Matrix;

use self::library::{Kernel, kernels};
use self::values::{Source, below, one_of};

/// Files of each kind that are searched. `VEXFS_KERNEL_SEARCH_FILES` asks for more.
const FILES: u64 = 1000;
/// Searches of each file.
const SEARCHES: usize = 24;

/// How large a case is.
#[derive(Clone, Copy, Debug)]
enum Size {
    /// Rows in whole steps of each implementation and all remainders.
    Small,
    /// More rows than fit into any batch, log or reservoir.
    Large,
    /// Few rows of many elements: of more than a section of the FPU takes, and up to the most that there may be.
    Long,
}

/// Dimensions around the limits of what is done at once, of what has codes, and of all.
const LONG: [usize; 8] = [4096, 4097, 8200, 20_011, 32_768, 32_769, 50_000, 65_536];

/// Some rows, and an index of the first ones.
struct Case {
    rows: Matrix,
    file: Bytes,
    kind: Kind,
    metric: Metric,
    source: Source,
}

impl Case {
    fn new(random: &mut Pcg64, kind: Kind, size: Size) -> Self {
        let (dim, covered) = match (size, below(random, 8)) {
            (Size::Large, _) => (1 + below(random, 8), 3000 + below(random, 6000)),
            (Size::Long, _) => (one_of(random, &LONG), 1 + below(random, 20)),
            (Size::Small, 0) => (1 + below(random, 300), 1 + below(random, 60)),
            (Size::Small, 1) => (1 + below(random, 40), 1 + below(random, 400)),
            (Size::Small, _) => (1 + below(random, 40), 1 + below(random, 60)),
        };
        let source = Source::any(random);
        let metric = one_of(random, &Metric::ALL);
        let mut rows = source.matrix(random, covered, dim);
        let file = files::file(random, &rows, kind, metric, source);
        for _ in 0..one_of(random, &[0, 0, 1, 9]) {
            rows.push(&source.row(random, dim));
        }
        Case {
            rows,
            file,
            kind,
            metric,
            source,
        }
    }

    fn bytes(&self) -> Bytes {
        Bytes::copy_of(&self.file).expect("memory for a small index")
    }

    /// Changes some rows, and tells whether the index still belongs to the others.
    fn change(&mut self, random: &mut Pcg64) -> bool {
        let before = self.rows.clone();
        let covered = self.rows.rows();
        for _ in 0..one_of(random, &[1, 2, 5, 20]) {
            let row = self.source.row(random, self.rows.dim());
            self.rows.set(below(random, covered), &row);
        }
        let index = Index::parse(self.bytes(), self.kind).expect("a sound file");
        let belongs = index.changes(&self.rows).is_ok();
        if !belongs {
            self.rows = before;
        }
        belongs
    }

    fn query(&self, random: &mut Pcg64) -> Vec<f32> {
        match below(random, 3) {
            0 => self.rows.row(below(random, self.rows.rows())).to_vec(),
            _ => self.source.row(random, self.rows.dim()),
        }
    }

    fn k(&self, random: &mut Pcg64) -> usize {
        let most = match below(random, 4) {
            0 => 2000,
            _ => 10,
        };
        1 + below(random, self.rows.rows().min(most))
    }
}

/// No filter, or one that has none, some or all of the rows, and perhaps more or fewer words than there are rows for.
fn any_filter(random: &mut Pcg64, rows: usize) -> Option<Filter> {
    let share = match below(random, 8) {
        0 => 0,
        1 => 1,
        2 => 30,
        3 => 500,
        4 => 999,
        _ => return None,
    };
    let words = match below(random, 4) {
        0 => below(random, rows / 64 + 3),
        _ => rows / 64 + 1 + below(random, 2),
    };
    let mut bits = |_| {
        let bits = (0..64).filter(|_| below(random, 1000) < share);
        bits.fold(0, |word: u64, bit| word | 1 << bit)
    };
    let filter = (0..words).map(&mut bits).collect();
    Some(filter)
}

fn any_effort(random: &mut Pcg64, kind: Kind, size: Size) -> u32 {
    match (size, below(random, 8)) {
        (_, 0) => 0,
        (_, 1) => 1,
        // That many probes of each table are slow.
        (_, 2) if kind != Kind::Lsh || below(random, 300) == 0 => 65536,
        (Size::Small | Size::Long, 3) => 1 + below(random, 1200) as u32,
        (Size::Large, 3..) => 1 + below(random, 3000) as u32,
        _ => 1 + below(random, 40) as u32,
    }
}

fn files_to_search() -> u64 {
    match std::env::var("VEXFS_KERNEL_SEARCH_FILES") {
        Ok(files) => files
            .parse()
            .expect("VEXFS_KERNEL_SEARCH_FILES is a number"),
        Err(_) => FILES,
    }
}

/// Searches random files by every implementation, and compares with ours.
fn searches(kind: Kind) {
    let files = files_to_search();
    compare(kind, Size::Small, files);
    compare(kind, Size::Large, files / 100);
    compare(kind, Size::Long, files / 100);
}

fn compare(kind: Kind, size: Size, files: u64) {
    let begin = Instant::now();
    for seed in 0..files {
        compare_file(kind, size, seed);
    }
    let cases = files * SEARCHES as u64 * kernels().len() as u64;
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{kind}: {cases} searches of {files} files ({size:?}) compared, {:.2} million a minute",
        cases as f64 / seconds * 60e-6
    );
}

fn compare_file(kind: Kind, size: Size, seed: u64) {
    let kernels = kernels();
    let random = &mut Pcg64::seed_from_u64(seed << 3 | u64::from(kind.code()));
    let mut case = Case::new(random, kind, size);
    let changed = below(random, 2) == 0 && case.change(random);
    let rows = &case.rows;
    let whole: Vec<_> = kernels.iter().map(|kernel| kernel.pack(rows)).collect();
    let shift = below(random, 10) as u32;
    let in_pieces = |kernel: &'static Kernel| kernel.pack_in_pieces(rows, shift);
    let pieced: Vec<_> = kernels.iter().map(in_pieces).collect();
    let parse = |kernel: &'static Kernel| {
        kernel
            .parse(&case.file, kind)
            .unwrap_or_else(|errno| panic!("{kind} file {seed}: {errno}, {}", kernel.log()))
    };
    let indexes: Vec<_> = kernels.iter().map(parse).collect();
    let ours = Index::parse(case.bytes(), kind).expect("a sound file");
    let changes = changed.then(|| ours.changes(rows).expect("it belongs to the rows"));
    let covered = ours.header().rows as usize;
    let mut theirs = Vec::new();
    for (index, packed) in indexes
        .iter()
        .zip(&whole)
        .chain(indexes.iter().zip(&pieced))
    {
        let stale = changes.as_ref().is_some_and(|changes| changes.rows() > 0);
        let expected = if stale { libc::ESTALE } else { 0 };
        assert_eq!(index.check_rows(packed), expected, "{kind} file {seed}");
        theirs.push(changes.as_ref().filter(|_| stale).map(|changes| {
            let theirs = index.changes(packed, covered).expect("nothing fails");
            assert_eq!(theirs.rows(), changes.rows(), "{kind} file {seed}");
            theirs
        }));
    }
    let changes = changes.filter(|changes| changes.rows() > 0);
    for search in 0..SEARCHES {
        let query = case.query(random);
        let k = case.k(random);
        let effort = any_effort(random, kind, size);
        let filter = any_filter(random, rows.rows());
        let filter = filter.as_ref();
        let among = Among {
            filter,
            changes: changes.as_ref(),
        };
        let Answer { hits, evaluated } = ours.search_among(rows, &query, k, effort, among);
        let (packed, lie) = match search % 2 {
            0 => (&whole, "whole".to_owned()),
            _ => (&pieced, format!("in pieces of 2^{shift} rows")),
        };
        for (((kernel, index), packed), theirs) in
            kernels.iter().zip(&indexes).zip(packed).zip(&theirs)
        {
            let among = (filter, theirs.as_ref());
            assert_eq!(
                index.search_among(packed, case.metric, &query, k, effort, among),
                Ok((hits.clone(), evaluated)),
                "{kind} by {}, {size:?} file {seed}, search {search}: {rows:?} {lie} {:?}, {}, k {k}, \
                 effort {effort}, {filter:?}, {changes:?}, query {query:?}",
                kernel.name,
                case.source,
                case.metric,
            );
        }
    }
    drop(indexes);
    for kernel in kernels {
        assert_eq!(kernel.state().live, 0, "{kind} file {seed}: a leak");
    }
}

#[test]
fn hnsw_gives_our_bits() {
    searches(Kind::Hnsw);
}

#[test]
fn ivf_gives_our_bits() {
    searches(Kind::Ivf);
}

#[test]
fn pq_gives_our_bits() {
    searches(Kind::Pq);
}

#[test]
fn lsh_gives_our_bits() {
    searches(Kind::Lsh);
}

#[test]
fn flat_search_gives_our_bits() {
    let mut random = Pcg64::seed_from_u64(1);
    let sizes = [
        (1, 1),
        (7, 16),
        (256, 3),
        (257, 128),
        (3000, 4),
        (70, 4000),
        (11, 9001),
        (4, 65536),
    ];
    for (count, dim) in sizes.into_iter().cycle().take(160) {
        let source = Source::any(&mut random);
        let rows = source.matrix(&mut random, count, dim);
        for metric in Metric::ALL {
            let query = source.row(&mut random, dim);
            let k = one_of(&mut random, &[1, 2, 10, 255, 2000]).min(count);
            let filter = any_filter(&mut random, count);
            let filter = filter.as_ref();
            let Answer { hits, evaluated } = match filter {
                None => flat::search_with(Backend::Scalar, &rows, metric, &query, k),
                _ => flat::search_filtered(&rows, metric, &query, k, filter),
            };
            let shift = below(&mut random, 10) as u32;
            for kernel in kernels() {
                for packed in [kernel.pack(&rows), kernel.pack_in_pieces(&rows, shift)] {
                    assert_eq!(
                        kernel.flat_filtered(&packed, metric, &query, k, filter),
                        Ok((hits.clone(), evaluated)),
                        "{}, {rows:?} {source:?}, {metric}, k {k}, pieces of 2^{shift} rows or one, {filter:?}, \
                         query {query:?}",
                        kernel.name
                    );
                }
            }
        }
    }
}

/// Every dimension is searched, with a number of rows that exercises whole steps and each remainder. All that is
/// answered is compared. With a tail of all rows the distances come from a scan, with a list of all from a gather.
#[test]
fn every_dimension_gives_our_bits() {
    let mut random = Pcg64::seed_from_u64(2);
    for dim in 1..=1030 {
        let count = 1 + dim % 19;
        let source = match dim % 2 {
            0 => Source::AnyFinite,
            _ => Source::Ordinary,
        };
        let rows = source.matrix(&mut random, count, dim);
        let metric = one_of(&mut random, &Metric::ALL);
        let query = source.row(&mut random, dim);
        let kind = one_of(&mut random, &[Kind::Hnsw, Kind::Ivf]);
        let file = files::file(&mut random, &rows, kind, metric, source);
        let ours =
            Index::parse(Bytes::copy_of(&file).expect("memory"), kind).expect("a sound file");
        let scanned = flat::search_with(Backend::Scalar, &rows, metric, &query, count);
        let gathered = ours.search(&rows, &query, count, 65536);
        for kernel in kernels() {
            let packed = match dim % 3 {
                0 => kernel.pack(&rows),
                _ => kernel.pack_in_pieces(&rows, dim as u32 % 4),
            };
            let what = format!("{}, dimension {dim}, {count} rows, {metric}", kernel.name);
            let found = kernel.flat(&packed, metric, &query, count);
            assert_eq!(
                found,
                Ok((scanned.hits.clone(), scanned.evaluated)),
                "{what}"
            );
            let index = kernel.parse(&file, kind).expect("a sound file");
            let found = index.search(&packed, metric, &query, count, 65536);
            assert_eq!(
                found,
                Ok((gathered.hits.clone(), gathered.evaluated)),
                "{kind}, {what}"
            );
        }
    }
}

/// A search or a load may end early: at each of its looks at whether the caller has been killed, and at each of its
/// allocations. It says so, leaks nothing, and the next search of the same index gives the whole answer.
#[test]
fn an_end_at_any_moment_leaves_nothing_behind() {
    let kernel = kernels().last().expect("at least one");
    for kind in Kind::ALL {
        for seed in 0..6 {
            let random = &mut Pcg64::seed_from_u64(seed);
            let size = match seed {
                0 => Size::Large,
                _ => Size::Small,
            };
            let case = Case::new(random, kind, size);
            let packed = kernel.pack(&case.rows);
            let (query, k) = (case.query(random), case.k(random));
            ends_early(kernel, || kernel.parse(&case.file, kind).map(drop));
            let index = kernel.parse(&case.file, kind).expect("a sound file");
            ends_early(kernel, || match index.check_rows(&packed) {
                0 => Ok(()),
                errno => Err(errno),
            });
            let mut case = case;
            let changed = case.change(random);
            let packed = kernel.pack(&case.rows);
            let covered = Index::parse(case.bytes(), kind).expect("a sound file");
            let covered = covered.header().rows as usize;
            let changes = || index.changes(&packed, covered);
            let known = changed.then(changes).and_then(Result::ok);
            let known = known.as_ref().filter(|known| known.rows() > 0);
            if known.is_some() {
                ends_early(kernel, || changes().map(drop));
            }
            let half: Filter = (0..=case.rows.rows() / 64)
                .map(|_| 0x5555_5555_5555_5555)
                .collect();
            for (effort, filter, changes) in [
                (1, None, None),
                (30, None, None),
                (2000, None, None),
                (1, Some(&half), None),
                (1, None, known),
                (2000, Some(&half), known),
            ] {
                let among = (filter, changes);
                let search = || index.search_among(&packed, case.metric, &query, k, effort, among);
                let whole = search();
                ends_early(kernel, || {
                    search().map(|found| assert_eq!(Ok(found), whole, "{kind} {seed}"))
                });
            }
            drop(index);
            assert_eq!(kernel.state().live, 0, "{kind} file {seed}: a leak");
        }
    }
}

/// Lets `what` end at each of its first moments, and then tries it once more.
fn ends_early(kernel: &Kernel, what: impl Fn() -> Result<(), i32>) {
    let (looks, allocations) = (kernel.state().looks, kernel.state().allocations);
    assert_eq!(what(), Ok(()));
    let looks = kernel.state().looks - looks;
    let allocations = kernel.state().allocations - allocations;
    for look in 1..=looks.min(50) {
        kernel.state().kill = kernel.state().looks + look;
        assert_eq!(what(), Err(libc::EINTR), "look {look} of {looks}");
        kernel.state().kill = 0;
        assert_eq!(what(), Ok(()), "after look {look} of {looks}");
    }
    for allocation in 1..=allocations {
        kernel.state().fail = kernel.state().allocations + allocation;
        let failed = what();
        let expected = match kernel.state().allocations >= kernel.state().fail {
            true => Err(libc::ENOMEM),
            // What the last search left was used.
            false => Ok(()),
        };
        assert_eq!(failed, expected, "allocation {allocation} of {allocations}");
        kernel.state().fail = 0;
        assert_eq!(
            what(),
            Ok(()),
            "after allocation {allocation} of {allocations}"
        );
    }
}
