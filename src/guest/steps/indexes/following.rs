// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that a search sees the index and the rows as they are when it begins, whatever was changed since the last
//! one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::num::NonZeroUsize;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::unistd::{Uid, setfsuid};

use super::comparison::{AS_IN_PROCESS, told};
use crate::anns::index;
use crate::anns::{Answer, Metric};
use crate::client::{Kind, Method, Searcher};
use crate::dataset::workload::{Name, Workload};
use crate::dataset::{Matrix, fvecs};
use crate::exercise::Tell;
use crate::exercise::building::{build, parse};
use crate::protocol::errno_name;
use crate::protocol::results::Case;

const ROWS: usize = 300;
/// Rows that are appended later.
const MORE: usize = 20;
const DIM: usize = 24;
const K: u32 = 5;

/// The longest tick of the clock that stamps files. A change beneath a mount shows at once only in what is older than a
/// tick (`docs/abi.md`).
const TICK: Duration = Duration::from_millis(25);

/// Carries out every change below `root`, a directory of a mount, or below `lower`, the directory beneath it.
pub fn cases(root: &Path, lower: &Path, tell: Tell) -> Result<Vec<Case>> {
    let mut trial = Trial::new(root, lower, tell)?;
    trial.each_kind()?;
    trial.without_codes()?;
    trial.rows_change()?;
    trial.index_changes()?;
    trial.names_change()?;
    trial.permissions()?;
    Ok(trial.cases)
}

struct Trial<'a> {
    /// The file of the rows; their indexes lie in the same directory.
    path: PathBuf,
    below: PathBuf,
    /// All rows: the first ones, and those that are appended later.
    rows: Matrix,
    more: Matrix,
    query: Vec<f32>,
    /// An HNSW index of the first rows.
    hnsw: Vec<u8>,
    cases: Vec<Case>,
    tell: Tell<'a>,
}

impl<'a> Trial<'a> {
    fn new(root: &Path, lower: &Path, tell: Tell<'a>) -> Result<Self> {
        let workload = Workload {
            rows: ROWS + MORE,
            dim: DIM,
            queries: 1,
            ..Workload::new(Name::Clustered)
        };
        let generated = workload.generate()?;
        let more = generated.vectors;
        let rows = first(&more, ROWS);
        let path = root.join("rows.fvecs");
        fvecs::write(&path, &rows)?;
        Ok(Trial {
            below: lower.join("rows.fvecs"),
            path,
            query: generated.queries.row(0).to_owned(),
            hnsw: build(&rows, Metric::L2, index::Kind::Hnsw)?,
            rows,
            more,
            cases: Vec::new(),
            tell,
        })
    }

    fn index_path(&self) -> PathBuf {
        sidecar(&self.path, index::Kind::Hnsw)
    }

    fn push(&mut self, name: &str, expected: &str, observed: String) {
        let done = self.cases.len() as u64;
        (self.tell)(name, done, done + 1);
        self.cases.push(Case {
            name: name.to_owned(),
            expected: expected.to_owned(),
            observed,
        });
    }

    /// Demands that a search of `path` by HNSW ends in this error.
    fn refused(&mut self, name: &str, errno: &str) {
        let observed = self.search(&self.path, Kind::Hnsw, Metric::L2, None);
        self.push(name, errno, observed);
    }

    /// Demands that a search of `path` by HNSW gives what this index gives in process on these rows.
    fn answered(&mut self, name: &str, index: &[u8], rows: &Matrix) -> Result<()> {
        let answer = self.in_process(index, index::Kind::Hnsw, rows)?;
        let observed = self.search(&self.path, Kind::Hnsw, Metric::L2, Some(&answer));
        self.push(name, AS_IN_PROCESS, observed);
        Ok(())
    }

    /// Demands it where some of the covered rows have changed since the index was built.
    fn answered_between(&mut self, name: &str, index: &[u8], rows: &Matrix) -> Result<()> {
        let index = parse(index, index::Kind::Hnsw)?;
        let answer = search_following(&index, rows, &self.query)?;
        let observed = self.search(&self.path, Kind::Hnsw, Metric::L2, Some(&answer));
        self.push(name, AS_IN_PROCESS, observed);
        Ok(())
    }

    fn in_process(&self, index: &[u8], kind: index::Kind, rows: &Matrix) -> Result<Answer> {
        Ok(parse(index, kind)?.search(rows, &self.query, K as usize, 0))
    }

    fn search(&self, path: &Path, kind: Kind, metric: Metric, answer: Option<&Answer>) -> String {
        let method = Method {
            kind,
            metric,
            k: K,
            effort: 0,
        };
        let found = Searcher::open(path).and_then(|file| file.search(&self.query, method));
        match (found, answer) {
            (found, Some(answer)) => told(found, answer),
            (Ok(_), None) => "ok".to_owned(),
            (Err(error), None) => error.errno().map_or(error.to_string(), errno_name),
        }
    }

    fn each_kind(&mut self) -> Result<()> {
        self.refused("no index file", "ENODATA");
        for kind in index::Kind::ALL {
            let index = build(&self.rows, Metric::L2, kind)?;
            let answer = self.in_process(&index, kind, &self.rows)?;
            fs::write(sidecar(&self.path, kind), &index)?;
            let observed = self.search(&self.path, kind.into(), Metric::L2, Some(&answer));
            self.push(&format!("{kind} index written"), AS_IN_PROCESS, observed);
        }
        let observed = self.search(&self.path, Kind::Hnsw, Metric::Cosine, None);
        self.push("another metric", "ENODATA", observed);

        let info = Searcher::open(&self.path)?.info()?;
        let listed = info.index[..info.indexes as usize].iter();
        let listed: Vec<_> = listed
            .map(|index| format!("{} {} {}", index.kind, index.metric, index.rows))
            .collect();
        let expected = format!("1 0 {ROWS}, 2 0 {ROWS}, 3 0 {ROWS}, 4 0 {ROWS}");
        self.push("indexes listed", &expected, listed.join(", "));
        Ok(())
    }

    /// Searches rows that lie in crowds far from each other. Codes do not tell those of a crowd apart, so there are
    /// none, and rows are compared themselves.
    fn without_codes(&mut self) -> Result<()> {
        let mut rows = Matrix::new(DIM);
        for (row, number) in self.rows.iter().zip(0u16..) {
            let far = 1e5 * f32::from(number % 3);
            let row: Vec<f32> = row.iter().map(|element| element + far).collect();
            rows.push(&row);
        }
        let path = self.path.with_file_name("crowds.fvecs");
        fvecs::write(&path, &rows)?;
        for kind in [index::Kind::Hnsw, index::Kind::Ivf] {
            for metric in Metric::ALL {
                let index = build(&rows, metric, kind)?;
                let codes = parse(&index, kind)?.header().exact == 0;
                ensure!(!codes, "the {kind} index for {metric} has codes");
                let answer = self.in_process(&index, kind, &rows)?;
                fs::write(sidecar(&path, kind), &index)?;
                let observed = self.search(&path, kind.into(), metric, Some(&answer));
                let name = format!("{kind} index for {metric} without codes");
                self.push(&name, AS_IN_PROCESS, observed);
            }
        }
        Ok(())
    }

    fn rows_change(&mut self) -> Result<()> {
        let (hnsw, rows, more) = (self.hnsw.clone(), self.rows.clone(), self.more.clone());
        let row_bytes = 4 * (DIM as u64 + 1);
        let mut tail = Vec::new();
        for row in more.iter().skip(ROWS) {
            fvecs::encode_row(&mut tail, row)?;
        }
        let mut file = OpenOptions::new().append(true).open(&self.path)?;
        file.write_all(&tail)?;
        self.answered("rows appended", &hnsw, &more)?;

        let index = build(&more, Metric::L2, index::Kind::Hnsw)?;
        let new = self.path.with_file_name("new");
        fs::write(&new, &index)?;
        fs::rename(&new, self.index_path())?;
        self.answered("index of all rows renamed over the old one", &index, &more)?;

        // The same rows in another order. No search sees the file without them.
        let last = usize::try_from(row_bytes)? * (MORE - 1);
        let others = [&tail[last..], &tail[..last]].concat();
        file.set_len(ROWS as u64 * row_bytes)?;
        file.write_all(&others)?;
        let mut mixed = first(&more, ROWS);
        (0..MORE).for_each(|at| mixed.push(more.row(ROWS + (at + MORE - 1) % MORE)));
        self.answered_between("covered rows cut off and others appended", &index, &mixed)?;
        file.set_len(ROWS as u64 * row_bytes)?;
        self.refused("rows truncated below those covered", "ESTALE");
        fs::write(self.index_path(), &hnsw)?;
        self.answered("the old index again", &hnsw, &rows)?;

        let file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        let mut element = [0; 4];
        file.read_exact_at(&mut element, 4)?;
        file.write_all_at(&1.0e3_f32.to_le_bytes(), 4)?;
        let mut changed = rows.clone();
        let mut row = rows.row(0).to_vec();
        row[0] = 1.0e3;
        changed.set(0, &row);
        self.answered_between("a covered row overwritten", &hnsw, &changed)?;
        self.answered_between("and asked once more", &hnsw, &changed)?;
        file.write_all_at(&element, 4)?;
        self.answered("and restored", &hnsw, &rows)?;
        self.every_kind_follows(&file)
    }

    /// Changes rows behind the backs of all kinds. The row that is as near as can be is among them: an index that knew
    /// it as it was would not find it.
    fn every_kind_follows(&mut self, file: &File) -> Result<()> {
        let row_bytes = 4 * (DIM as u64 + 1);
        let mut changed = self.rows.clone();
        let query = self.query.clone();
        for (number, what) in [(7, "a row made the nearest"), (255, "and another one")] {
            let mut bytes = Vec::new();
            fvecs::encode_row(&mut bytes, &query)?;
            file.write_all_at(&bytes, number as u64 * row_bytes)?;
            changed.set(number, &query);
            for kind in index::Kind::ALL {
                let index = fs::read(sidecar(&self.path, kind))?;
                let parsed = parse(&index, kind)?;
                let answer = search_following(&parsed, &changed, &query)?;
                ensure!(
                    answer.hits[0].row == 7,
                    "{kind} does not find the changed row"
                );
                let observed = self.search(&self.path, kind.into(), Metric::L2, Some(&answer));
                self.push(&format!("{kind}: {what}"), AS_IN_PROCESS, observed);
            }
        }
        // The last block is changed, too, so that there is none that the index knows.
        let mut bytes = Vec::new();
        fvecs::encode_row(&mut bytes, &query)?;
        file.write_all_at(&bytes, (ROWS as u64 - 1) * row_bytes)?;
        // Asked once more, a driver goes by what it has noted of the index.
        for what in ["a row of each block changed", "and asked once more"] {
            for kind in index::Kind::ALL {
                let observed = self.search(&self.path, kind.into(), Metric::L2, None);
                self.push(&format!("{kind}: {what}"), "ESTALE", observed);
            }
        }
        let mut bytes = Vec::new();
        for row in self.rows.iter() {
            fvecs::encode_row(&mut bytes, row)?;
        }
        file.write_all_at(&bytes, 0)?;
        self.answered("and all restored", &self.hnsw.clone(), &self.rows.clone())
    }

    fn index_changes(&mut self) -> Result<()> {
        let (hnsw, rows) = (self.hnsw.clone(), self.rows.clone());
        let path = self.index_path();
        let at = hnsw.len() as u64 - 1;
        let (right, wrong) = ([hnsw[at as usize]], [!hnsw[at as usize]]);

        let open = |path: &Path| OpenOptions::new().read(true).write(true).open(path);
        open(&path)?.write_all_at(&wrong, at)?;
        self.refused("a byte of the index changed", "EUCLEAN");
        open(&path)?.write_all_at(&right, at)?;
        self.answered("and restored", &hnsw, &rows)?;

        store_mapped(&open(&path)?, at as usize, wrong[0])?;
        self.refused("a byte of the index changed by a mapping", "EUCLEAN");
        store_mapped(&open(&path)?, at as usize, right[0])?;
        self.answered("and restored by a mapping", &hnsw, &rows)?;

        open(&path)?.set_len(at)?;
        self.refused("the index truncated", "EUCLEAN");
        open(&path)?.set_len(0)?;
        self.refused("the index emptied", "EUCLEAN");
        fs::write(&path, &hnsw)?;
        self.answered("the index written anew", &hnsw, &rows)?;

        let below = sidecar(&self.below, index::Kind::Hnsw);
        sleep(TICK);
        open(&below)?.write_all_at(&wrong, at)?;
        sleep(TICK);
        self.refused("a byte changed beneath the mount", "EUCLEAN");
        open(&below)?.write_all_at(&right, at)?;
        sleep(TICK);
        self.answered("and restored beneath the mount", &hnsw, &rows)
    }

    fn names_change(&mut self) -> Result<()> {
        let (hnsw, rows) = (self.hnsw.clone(), self.rows.clone());
        let path = self.index_path();
        let aside = self.path.with_file_name("aside");
        fs::rename(&path, &aside)?;
        self.refused("the index renamed away", "ENODATA");
        symlink("aside", &path)?;
        self.refused("a symbolic link to an index", "ENODATA");
        fs::remove_file(&path)?;
        fs::create_dir(&path)?;
        self.refused("a directory", "ENODATA");
        fs::remove_dir(&path)?;
        fs::hard_link(&aside, &path)?;
        self.answered("a hard link to an index", &hnsw, &rows)?;
        fs::remove_file(&path)?;
        self.refused("the index deleted", "ENODATA");
        fs::rename(sidecar(&self.path, index::Kind::Ivf), &path)?;
        self.refused("an index of another kind", "EUCLEAN");
        fs::rename(&aside, &path)?;
        self.answered("the index renamed back", &hnsw, &rows)?;

        let other = self.path.with_file_name("other.fvecs");
        fs::rename(&self.path, &other)?;
        fs::rename(&path, sidecar(&other, index::Kind::Hnsw))?;
        let before = std::mem::replace(&mut self.path, other);
        self.answered("rows and index renamed", &hnsw, &rows)?;
        fs::rename(&self.path, &before)?;
        fs::rename(self.index_path(), path)?;
        self.path = before;
        self.answered("and renamed back", &hnsw, &rows)
    }

    /// Demands that whoever may read the rows may search them by their index.
    fn permissions(&mut self) -> Result<()> {
        let path = self.index_path();
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let answer = self.in_process(&self.hnsw, index::Kind::Hnsw, &self.rows)?;
        // The filesystem user id belongs to a thread, so a thread of its own gives it up.
        let (unreadable, observed) = thread::scope(|scope| {
            let searching = scope.spawn(|| {
                setfsuid(Uid::from_raw(1000));
                (
                    File::open(&path).is_err(),
                    self.search(&self.path, Kind::Hnsw, Metric::L2, Some(&answer)),
                )
            });
            searching.join().map_err(|_| anyhow!("the search panicked"))
        })?;
        self.push(
            "an index that the caller may not open",
            "true",
            unreadable.to_string(),
        );
        self.push("and is searched by all the same", AS_IN_PROCESS, observed);
        Ok(())
    }
}

/// What an index finds in process in rows of which some are no longer those that it covers.
fn search_following(index: &index::Index, rows: &Matrix, query: &[f32]) -> Result<Answer> {
    let changes = index.changes(rows)?;
    ensure!(changes.rows() > 0, "no row has changed");
    let among = index::Among {
        filter: None,
        changes: Some(&changes),
    };
    Ok(index.search_among(rows, query, K as usize, 0, among))
}

/// The first rows of a matrix.
fn first(rows: &Matrix, count: usize) -> Matrix {
    let mut some = Matrix::new(rows.dim());
    rows.iter().take(count).for_each(|row| some.push(row));
    some
}

pub(super) fn sidecar(path: &Path, kind: index::Kind) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", kind.extension()));
    name.into()
}

/// Stores one byte through a shared mapping that is gone afterwards.
fn store_mapped(file: &File, at: usize, byte: u8) -> Result<()> {
    let length = NonZeroUsize::new(at + 1).context("an empty mapping")?;
    // SAFETY: a mapping of our own of a file that has these bytes, which nothing refers to after munmap.
    unsafe {
        let mapping = mmap(
            None,
            length,
            ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
            MapFlags::MAP_SHARED,
            file,
            0,
        )?;
        mapping.cast::<u8>().add(at).write(byte);
        munmap(mapping, length.get())?;
    }
    Ok(())
}
