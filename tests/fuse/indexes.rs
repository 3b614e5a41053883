// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches by index files through the mount give the bits of a search in process. Every change is seen by the next
//! search.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use nix::errno::Errno;
use nix::unistd::{Uid, setfsuid};
use vexfs::anns::index::{self, Among, Bytes, Index, Parameters, Unobserved};
use vexfs::anns::{Answer, Metric, hnsw, ivf, lsh, pq};
use vexfs::client::{Found, Kind, Method, Searcher};
use vexfs::dataset::workload::{Name, Workload};
use vexfs::dataset::{Matrix, fvecs};
use vexfs::store::index_file;

use crate::fixture::Mounted;

const ROWS: usize = 400;
const DIM: usize = 24;
const K: usize = 7;

fn clustered(rows: usize) -> Matrix {
    let workload = Workload {
        rows,
        dim: DIM,
        queries: 1,
        ..Workload::new(Name::Clustered)
    };
    workload.generate().unwrap().vectors
}

/// The first rows.
fn first(rows: &Matrix, count: usize) -> Matrix {
    let mut some = Matrix::new(rows.dim());
    rows.iter().take(count).for_each(|row| some.push(row));
    some
}

fn parameters(kind: index::Kind) -> Parameters {
    match kind {
        index::Kind::Hnsw => Parameters::Hnsw(hnsw::Parameters::default()),
        index::Kind::Ivf => Parameters::Ivf(ivf::Parameters::default()),
        index::Kind::Pq => Parameters::Pq(pq::Parameters::default()),
        index::Kind::Lsh => Parameters::Lsh(lsh::Parameters::default()),
    }
}

fn built(rows: &Matrix, metric: Metric, kind: index::Kind) -> Bytes {
    index::build(rows, metric, &parameters(kind), 42, 2, &Unobserved).unwrap()
}

fn hnsw_of(rows: &Matrix) -> Bytes {
    built(rows, Metric::L2, index::Kind::Hnsw)
}

fn by(kind: impl Into<Kind>, metric: Metric, effort: u32) -> Method {
    Method {
        kind: kind.into(),
        metric,
        k: K as u32,
        effort,
    }
}

const HNSW: Method = Method {
    kind: Kind::Hnsw,
    metric: Metric::L2,
    k: K as u32,
    effort: 0,
};

/// A mounted vector file and the rows that it has at first.
struct Fixture {
    mounted: Mounted,
    rows: Matrix,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Fixture {
            mounted: Mounted::new(),
            rows: clustered(ROWS),
        };
        fvecs::write(&fixture.path(), &fixture.rows).unwrap();
        fixture
    }

    fn path(&self) -> PathBuf {
        self.mounted.path("v.fvecs")
    }

    fn index(&self) -> PathBuf {
        index_file::path(&self.path(), index::Kind::Hnsw)
    }

    fn searcher(&self) -> Searcher {
        let searcher = Searcher::open(&self.path()).unwrap();
        assert_eq!(searcher.driver(), "fuse.vexfs");
        searcher
    }

    fn query(&self) -> Vec<f32> {
        self.rows.row(ROWS / 2).iter().map(|x| x + 0.25).collect()
    }

    fn search(&self, searcher: &Searcher, method: Method) -> Result<Found, Errno> {
        let found = searcher.search(&self.query(), method);
        found.map_err(|error| error.errno().unwrap())
    }

    /// A search has to answer as this index of these rows does.
    #[track_caller]
    fn answers(&self, searcher: &Searcher, index: &[u8], rows: &Matrix) {
        let expected = in_process(index, index::Kind::Hnsw, rows, &self.query(), 0);
        let found = self.search(searcher, HNSW).unwrap();
        assert_eq!(found.rows, rows.rows() as u64);
        assert_eq!(
            (found.hits, found.evaluated),
            (expected.hits, expected.evaluated)
        );
    }

    #[track_caller]
    fn refuses(&self, searcher: &Searcher, errno: Errno) {
        assert_eq!(self.search(searcher, HNSW).unwrap_err(), errno);
    }

    fn rename_over(&self, bytes: &[u8]) {
        let new = self.mounted.path("new");
        fs::write(&new, bytes).unwrap();
        fs::rename(&new, self.index()).unwrap();
    }
}

fn in_process(
    bytes: &[u8],
    kind: index::Kind,
    rows: &Matrix,
    query: &[f32],
    effort: u32,
) -> Answer {
    let index = Index::parse(Bytes::copy_of(bytes).unwrap(), kind).unwrap();
    let changes = index.changes(rows).unwrap();
    let among = Among {
        filter: None,
        changes: (changes.rows() > 0).then_some(&changes),
    };
    index.search_among(rows, query, K, effort, among)
}

#[test]
fn every_kind_answers_for_every_metric_as_the_library_does() {
    let fixture = Fixture::new();
    let searcher = fixture.searcher();
    for kind in index::Kind::ALL {
        for metric in Metric::ALL {
            let bytes = built(&fixture.rows, metric, kind);
            fs::write(index_file::path(&fixture.path(), kind), &bytes[..]).unwrap();
            for effort in [0, 1, 3, 65536] {
                let expected = in_process(&bytes, kind, &fixture.rows, &fixture.query(), effort);
                let found = fixture.search(&searcher, by(kind, metric, effort)).unwrap();
                assert_eq!(found.hits, expected.hits, "{kind} for {metric}, {effort}");
                assert_eq!(found.evaluated, expected.evaluated);
            }
            for other in Metric::ALL.into_iter().filter(|other| *other != metric) {
                let refused = fixture.search(&searcher, by(kind, other, 0));
                assert_eq!(refused.unwrap_err(), Errno::ENODATA);
            }
        }
    }
    let info = searcher.info().unwrap();
    let listed = info
        .index
        .map(|index| (index.kind, index.metric, index.rows));
    assert_eq!(info.indexes, 4);
    assert_eq!(
        listed[..5],
        [
            (1, 2, 400),
            (2, 2, 400),
            (3, 2, 400),
            (4, 2, 400),
            (0, 0, 0)
        ]
    );
}

#[test]
fn a_search_follows_its_rows() {
    let fixture = Fixture::new();
    let more = clustered(ROWS + 30);
    let rows = first(&more, ROWS);
    fvecs::write(&fixture.path(), &rows).unwrap();
    let searcher = fixture.searcher();
    let index = hnsw_of(&rows);
    fs::write(fixture.index(), &index[..]).unwrap();
    fixture.answers(&searcher, &index, &rows);

    let mut append = OpenOptions::new()
        .append(true)
        .open(fixture.path())
        .unwrap();
    for row in ROWS..ROWS + 30 {
        let mut bytes = Vec::new();
        fvecs::encode_row(&mut bytes, more.row(row)).unwrap();
        append.write_all(&bytes).unwrap();
        fixture.answers(&searcher, &index, &first(&more, row + 1));
    }

    let file = OpenOptions::new().write(true).open(fixture.path()).unwrap();
    let element = rows.row(0)[0];
    file.write_all_at(&(element + 1.0).to_le_bytes(), 4)
        .unwrap();
    let mut changed = more.clone();
    changed.set(0, &[&[element + 1.0], &more.row(0)[1..]].concat());
    fixture.answers(&searcher, &index, &changed);
    let row_bytes = 4 * (DIM as u64 + 1);
    let last = ROWS as u64 - 1;
    file.write_all_at(&element.to_le_bytes(), 4 + last * row_bytes)
        .unwrap();
    fixture.refuses(&searcher, Errno::ESTALE);
    let mut restored = Vec::new();
    fvecs::encode_row(&mut restored, more.row(ROWS - 1)).unwrap();
    file.write_all_at(&restored, last * row_bytes).unwrap();
    fixture.answers(&searcher, &index, &changed);
    file.write_all_at(&element.to_le_bytes(), 4).unwrap();
    fixture.answers(&searcher, &index, &more);

    file.set_len(((DIM + 1) * 4 * (ROWS - 1)) as u64).unwrap();
    fixture.refuses(&searcher, Errno::ESTALE);
    let fewer = first(&rows, ROWS - 1);
    let index = hnsw_of(&fewer);
    fixture.rename_over(&index);
    fixture.answers(&searcher, &index, &fewer);
}

#[test]
fn a_search_follows_its_index() {
    let fixture = Fixture::new();
    let searcher = fixture.searcher();
    let rows = &fixture.rows;
    let index = hnsw_of(rows);
    fixture.refuses(&searcher, Errno::ENODATA);
    for covered in [100, 200, 300] {
        let index = hnsw_of(&first(rows, covered));
        fixture.rename_over(&index);
        fixture.answers(&searcher, &index, rows);
        // In place, where the times may not tell.
        let index = hnsw_of(&first(rows, covered + 1));
        fs::write(fixture.index(), &index[..]).unwrap();
        fixture.answers(&searcher, &index, rows);
    }
    fs::write(fixture.index(), &index[..]).unwrap();
    let at = index.len() as u64 - 1;
    let byte = index[at as usize];
    for _ in 0..5 {
        let file = OpenOptions::new()
            .write(true)
            .open(fixture.index())
            .unwrap();
        file.write_all_at(&[!byte], at).unwrap();
        fixture.refuses(&searcher, Errno::EUCLEAN);
        file.write_all_at(&[byte], at).unwrap();
        fixture.answers(&searcher, &index, rows);
    }
    let file = OpenOptions::new()
        .write(true)
        .open(fixture.index())
        .unwrap();
    file.set_len(at).unwrap();
    fixture.refuses(&searcher, Errno::EUCLEAN);
    file.set_len(0).unwrap();
    fixture.refuses(&searcher, Errno::EUCLEAN);
    file.write_all_at(&index, 0).unwrap();
    fixture.answers(&searcher, &index, rows);

    fs::remove_file(fixture.index()).unwrap();
    fixture.refuses(&searcher, Errno::ENODATA);
    fs::write(fixture.mounted.path("elsewhere"), &index[..]).unwrap();
    symlink("elsewhere", fixture.index()).unwrap();
    fixture.refuses(&searcher, Errno::ENODATA);
    fs::remove_file(fixture.index()).unwrap();
    fs::create_dir(fixture.index()).unwrap();
    fixture.refuses(&searcher, Errno::ENODATA);
    fs::remove_dir(fixture.index()).unwrap();
    fs::rename(fixture.mounted.path("elsewhere"), fixture.index()).unwrap();
    fixture.answers(&searcher, &index, rows);

    // Beneath the driver as well.
    let other = hnsw_of(&first(rows, 50));
    fs::write(fixture.mounted.lower("new"), &other[..]).unwrap();
    let lower = fixture.mounted.lower("v.fvecs.hnsw");
    fs::rename(fixture.mounted.lower("new"), &lower).unwrap();
    fixture.answers(&searcher, &other, rows);
    fs::remove_file(&lower).unwrap();
    fixture.refuses(&searcher, Errno::ENODATA);
}

#[test]
fn an_open_file_is_searched_by_the_indexes_of_the_name_that_it_was_opened_by() {
    let fixture = Fixture::new();
    let index = hnsw_of(&fixture.rows);
    fs::write(fixture.index(), &index[..]).unwrap();
    let searcher = fixture.searcher();
    fixture.answers(&searcher, &index, &fixture.rows);
    fs::create_dir(fixture.mounted.path("dir")).unwrap();
    let moved = fixture.mounted.path("dir/w.fvecs");
    fs::rename(fixture.path(), &moved).unwrap();
    let by_new_name = Searcher::open(&moved).unwrap();
    fixture.answers(&searcher, &index, &fixture.rows);
    fixture.refuses(&by_new_name, Errno::ENODATA);
    fs::rename(fixture.index(), index_file::path(&moved, index::Kind::Hnsw)).unwrap();
    fixture.refuses(&searcher, Errno::ENODATA);
    fixture.answers(&by_new_name, &index, &fixture.rows);

    // Two names of the same rows, and an index for each.
    fs::hard_link(&moved, fixture.path()).unwrap();
    let by_old_name = fixture.searcher();
    let other = hnsw_of(&first(&fixture.rows, 100));
    fs::write(fixture.index(), &other[..]).unwrap();
    for _ in 0..3 {
        fixture.answers(&by_old_name, &other, &fixture.rows);
        fixture.answers(&by_new_name, &index, &fixture.rows);
    }
}

#[test]
fn whoever_may_read_the_rows_may_search_them_by_their_index() {
    let fixture = Fixture::new();
    let index = hnsw_of(&fixture.rows);
    fs::write(fixture.index(), &index[..]).unwrap();
    fs::set_permissions(fixture.index(), Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(fixture.mounted.root(), Permissions::from_mode(0o755)).unwrap();
    // The filesystem user id belongs to a thread, so a thread of its own gives it up.
    thread::scope(|scope| {
        scope.spawn(|| {
            setfsuid(Uid::from_raw(1000));
            assert!(File::open(fixture.index()).is_err());
            fixture.answers(&fixture.searcher(), &index, &fixture.rows);
        });
    });
}

/// Rows are appended and their index is replaced while others search. Rows and index are looked at one after the
/// other, but at no moment is the index stale. So no search may say so, and each answers as one of the indexes does.
#[test]
fn no_search_meets_rows_and_an_index_that_do_not_belong_together() {
    const STEP: usize = 20;
    let fixture = Fixture::new();
    let rows = first(&fixture.rows, STEP * 8);
    let steps: Vec<Matrix> = (1..=8).map(|step| first(&rows, step * STEP)).collect();
    let indexes: Vec<Bytes> = steps.iter().map(hnsw_of).collect();
    let query = fixture.query();
    let answers: Vec<Vec<Answer>> = steps
        .iter()
        .enumerate()
        .map(|(step, rows)| {
            let older = indexes[..=step].iter();
            older
                .map(|index| in_process(index, index::Kind::Hnsw, rows, &query, 0))
                .collect()
        })
        .collect();
    let encode = |rows: &Matrix| {
        let mut bytes = Vec::new();
        fvecs::encode(&mut bytes, rows).unwrap();
        bytes
    };
    let restart = || {
        let new = fixture.mounted.path("rows");
        fs::write(&new, encode(&steps[0])).unwrap();
        fixture.rename_over(&indexes[0]);
        fs::rename(&new, fixture.path()).unwrap();
    };
    restart();
    let (done, searches) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let searcher = fixture.searcher();
                    for _ in 0..20 {
                        let found = fixture.search(&searcher, HNSW).unwrap();
                        let step = found.rows as usize / STEP - 1;
                        let fits = |answer: &Answer| answer.hits == found.hits;
                        assert!(answers[step].iter().any(fits), "of {} rows", found.rows);
                        searches.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let changed = scope.spawn(|| {
            for _ in 0..6 {
                let file = OpenOptions::new().append(true).open(fixture.path());
                let mut file = file.unwrap();
                let mut written = encode(&steps[0]).len();
                for step in 1..steps.len() {
                    let all = encode(&steps[step]);
                    file.write_all(&all[written..]).unwrap();
                    written = all.len();
                    fixture.rename_over(&indexes[step]);
                }
                restart();
            }
        });
        let changed = changed.join();
        done.store(true, Ordering::Relaxed);
        changed.unwrap();
    });
    assert!(searches.into_inner() > 20, "hardly any search was tried");
}
