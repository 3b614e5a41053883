// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches from several threads while another one appends to the file, truncates it, deletes it and makes it anew.
//!
//! Row `n` has the same content whenever it exists, so at any moment the file holds some prefix of one known sequence.
//! An answer says how many rows it searched: it must be the answer for that prefix.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::errno::Errno;

use super::{Context, flat, in_place};
use crate::anns::{Hit, flat as exact};
use crate::client::Searcher;
use crate::dataset::{Matrix, fvecs};
use crate::guest::mounts::Store;
use crate::guest::protocol::{Outcome, Place, errno_name};
use crate::guest::results::{Concurrency, ConcurrencyRun, PerPlace};

const DIM: usize = 64;
const ROWS: usize = 512;
/// Rows that one change appends.
const STEP: usize = 16;
const K: u32 = 5;
const SEARCHERS: u32 = 3;
const CHANGES: u32 = 100;
/// Searches that must come to an end between two changes: without them a change would meet no search on a machine with one CPU.
const SEARCHES_PER_CHANGE: u64 = 3;
/// Searches on one open file, which may be a deleted one.
const SEARCHES_PER_OPEN: usize = 20;
const SEARCHES_ANSWER_WITHIN: Duration = Duration::from_secs(30);

pub(super) fn observe(context: &Context) -> Result<Concurrency> {
    let store = Store::new()?;
    let mut places = PerPlace::new();
    for (done, place) in (1..).zip([Place::Fuse, Place::Kernel]) {
        let run = in_place(&store, place, |mounted| contend(mounted.root()));
        places.insert(place, Outcome::from(run));
        context.progress(done, 2)?;
    }
    Ok(Concurrency { places })
}

/// Changes and searches a file in `dir`, a directory of a mount, at the same time.
pub fn contend(dir: &Path) -> Result<ConcurrencyRun> {
    let sequence = Sequence::new();
    let path = dir.join("changing.fvecs");
    sequence.create(&path)?;
    let tally = Tally::default();
    let changed = thread::scope(|scope| {
        for _ in 0..SEARCHERS {
            scope.spawn(|| search_until_over(&path, &sequence, &tally));
        }
        let changed = change(&path, &sequence, &tally);
        tally.over.store(true, Ordering::Relaxed);
        changed
    });
    changed?;
    fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    Ok(ConcurrencyRun {
        threads: SEARCHERS,
        changes: CHANGES,
        answers: tally.answers.into_inner(),
        refusals: into_inner(tally.refusals),
        wrong: into_inner(tally.wrong),
    })
}

/// What the searching threads have seen.
#[derive(Default)]
struct Tally {
    over: AtomicBool,
    answers: AtomicU64,
    /// Searches that came to an end, answered or refused.
    ended: AtomicU64,
    refusals: Mutex<BTreeMap<String, u64>>,
    wrong: Mutex<Vec<String>>,
}

impl Tally {
    /// The file may be too short for `k` rows, or not be there when it is opened. Nothing else is allowed.
    fn refused(&self, errno: Option<Errno>, error: &str) {
        match errno {
            Some(errno @ (Errno::ERANGE | Errno::ENOENT)) => {
                *locked(&self.refusals).entry(errno_name(errno)).or_default() += 1;
            }
            _ => locked(&self.wrong).push(error.to_owned()),
        }
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    fn answered(&self, wrong: Option<String>) {
        locked(&self.wrong).extend(wrong);
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while it holds this")
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex
        .into_inner()
        .expect("no thread panics while it holds this")
}

/// The rows that the file holds a prefix of, encoded, and the answer for every prefix.
struct Sequence {
    encoded: Vec<u8>,
    query: Vec<f32>,
    answers: Vec<Vec<Hit>>,
}

impl Sequence {
    fn new() -> Self {
        let row = |n: usize| -> Vec<f32> {
            let element = |column: usize| ((n * 37 + column * 11) % 101) as f32;
            (0..DIM).map(element).collect()
        };
        let query = vec![50.0; DIM];
        let mut rows = Matrix::new(DIM);
        let mut encoded = Vec::new();
        let mut answers = vec![Vec::new()];
        for n in 0..ROWS {
            rows.push(&row(n));
            fvecs::encode_row(&mut encoded, &row(n)).expect("memory takes all that is written");
            answers.push(exact::search(&rows, &query, K as usize));
        }
        Sequence {
            encoded,
            query,
            answers,
        }
    }

    /// The bytes of these rows.
    fn rows(&self, from: usize, to: usize) -> &[u8] {
        let row = self.encoded.len() / ROWS;
        &self.encoded[from * row..to * row]
    }

    fn create(&self, path: &Path) -> Result<File> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create_new(true).open(path);
        let mut file = file.with_context(|| format!("cannot create {}", path.display()))?;
        file.write_all(self.rows(0, STEP))?;
        Ok(file)
    }

    /// What is wrong with an answer, if anything.
    fn fault(&self, rows: u64, hits: &[Hit]) -> Option<String> {
        match usize::try_from(rows).ok().and_then(|n| self.answers.get(n)) {
            Some(expected) if expected == hits => None,
            Some(expected) => Some(format!("of {rows} rows: {hits:?}, expected {expected:?}")),
            None => Some(format!("of {rows} rows, which the file never had")),
        }
    }
}

/// Appends until the file is full, then truncates it, and every other time deletes it and makes it anew.
fn change(path: &Path, sequence: &Sequence, tally: &Tally) -> Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    let mut rows = STEP;
    let mut full = 0;
    for _ in 0..CHANGES {
        if rows + STEP <= ROWS {
            file.write_all(sequence.rows(rows, rows + STEP))
                .context("cannot append")?;
            rows += STEP;
        } else if full % 2 == 0 {
            full += 1;
            rows = STEP;
            let bytes = sequence.rows(0, rows).len();
            file.set_len(bytes as u64).context("cannot truncate")?;
        } else {
            full += 1;
            rows = STEP;
            fs::remove_file(path).context("cannot delete")?;
            file = sequence.create(path)?;
        }
        await_searches(tally)?;
    }
    Ok(())
}

fn await_searches(tally: &Tally) -> Result<()> {
    let goal = tally.ended.load(Ordering::Relaxed) + SEARCHES_PER_CHANGE;
    let deadline = Instant::now() + SEARCHES_ANSWER_WITHIN;
    while tally.ended.load(Ordering::Relaxed) < goal {
        ensure!(
            Instant::now() < deadline,
            "no search came to an end in {} s",
            SEARCHES_ANSWER_WITHIN.as_secs()
        );
        thread::yield_now();
    }
    Ok(())
}

fn search_until_over(path: &Path, sequence: &Sequence, tally: &Tally) {
    while !tally.over.load(Ordering::Relaxed) {
        let searcher = match Searcher::open(path) {
            Ok(searcher) => searcher,
            Err(error) => {
                tally.refused(error.errno(), &error.to_string());
                continue;
            }
        };
        for _ in 0..SEARCHES_PER_OPEN {
            match searcher.search(&sequence.query, flat(K)) {
                Ok(found) => tally.answered(sequence.fault(found.rows, &found.hits)),
                Err(error) => tally.refused(error.errno(), &error.to_string()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_held_against_the_rows_that_it_searched() {
        let sequence = Sequence::new();
        let answer = &sequence.answers[100];
        assert_eq!(sequence.fault(100, answer), None);
        let wrong = sequence.fault(STEP as u64, answer).unwrap();
        assert!(wrong.starts_with("of 16 rows"), "{wrong}");
        let wrong = sequence.fault(ROWS as u64 + 1, answer).unwrap();
        assert!(wrong.ends_with("never had"), "{wrong}");
    }

    #[test]
    fn only_documented_refusals_are_no_fault() {
        let tally = Tally::default();
        tally.refused(Some(Errno::ERANGE), "too short");
        tally.refused(Some(Errno::EBADMSG), "torn");
        tally.refused(None, "unreadable");
        assert_eq!(into_inner(tally.refusals).get("ERANGE"), Some(&1));
        assert_eq!(into_inner(tally.wrong), ["torn", "unreadable"]);
    }
}
