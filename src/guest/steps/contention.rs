// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches from several threads while another one changes what they search.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use nix::errno::Errno;

use crate::client::{Found, Method, Searcher};
use crate::protocol::errno_name;
use crate::protocol::results::ConcurrencyRun;
use crate::system::deadline::Deadline;

const SEARCHERS: u32 = 3;
/// Searches that must come to an end between two changes: without them a change would meet no search on a machine with
/// one CPU.
const SEARCHES_PER_CHANGE: u64 = 3;
/// Searches on one open file, which may be a deleted one.
const SEARCHES_PER_OPEN: usize = 20;
const SEARCHES_ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What is searched, and what may come of it.
pub struct Contention<'a> {
    pub path: &'a Path,
    pub query: &'a [f32],
    pub method: Method,
    /// The refusals that `docs/abi.md` allows while these changes go on.
    pub allowed: &'a [Errno],
    /// What is wrong with an answer, if anything.
    pub fault: &'a (dyn Fn(&Found) -> Option<String> + Sync),
}

impl Contention<'_> {
    /// Searches until `change` is through, which tells the tally after each change that it has made.
    pub fn run(&self, change: impl FnOnce(&Tally) -> Result<()>) -> Result<ConcurrencyRun> {
        let tally = Tally::default();
        let changed = thread::scope(|scope| {
            for _ in 0..SEARCHERS {
                scope.spawn(|| self.search_until_over(&tally));
            }
            let changed = change(&tally);
            tally.over.store(true, Ordering::Relaxed);
            changed
        });
        changed?;
        Ok(ConcurrencyRun {
            threads: SEARCHERS,
            changes: tally.changes.into_inner(),
            answers: tally.answers.into_inner(),
            refusals: into_inner(tally.refusals),
            wrong: into_inner(tally.wrong),
        })
    }

    fn search_until_over(&self, tally: &Tally) {
        while !tally.over.load(Ordering::Relaxed) {
            let searcher = match Searcher::open(self.path) {
                Ok(searcher) => searcher,
                Err(error) => {
                    tally.refused(self.allowed, error.errno(), &error.to_string());
                    continue;
                }
            };
            for _ in 0..SEARCHES_PER_OPEN {
                match searcher.search(self.query, self.method) {
                    Ok(found) => tally.answered((self.fault)(&found)),
                    Err(error) => tally.refused(self.allowed, error.errno(), &error.to_string()),
                }
            }
        }
    }
}

/// What the searching threads have seen.
#[derive(Default)]
pub struct Tally {
    over: AtomicBool,
    changes: AtomicU32,
    answers: AtomicU64,
    /// Searches that came to an end, answered or refused.
    ended: AtomicU64,
    refusals: Mutex<BTreeMap<String, u64>>,
    wrong: Mutex<Vec<String>>,
}

impl Tally {
    /// Notes that a change was made, and waits for searches that see it.
    pub fn changed(&self) -> Result<()> {
        self.changes.fetch_add(1, Ordering::Relaxed);
        let goal = self.ended.load(Ordering::Relaxed) + SEARCHES_PER_CHANGE;
        let mut deadline = Deadline::after(SEARCHES_ANSWER_WITHIN);
        while self.ended.load(Ordering::Relaxed) < goal {
            ensure!(
                !deadline.is_over(),
                "no search came to an end in {} s",
                SEARCHES_ANSWER_WITHIN.as_secs()
            );
            thread::yield_now();
        }
        Ok(())
    }

    fn refused(&self, allowed: &[Errno], errno: Option<Errno>, error: &str) {
        match errno {
            Some(errno) if allowed.contains(&errno) => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_refusals_are_no_fault() {
        let tally = Tally::default();
        let allowed = [Errno::ERANGE];
        tally.refused(&allowed, Some(Errno::ERANGE), "too short");
        tally.refused(&allowed, Some(Errno::EBADMSG), "torn");
        tally.refused(&allowed, None, "unreadable");
        assert_eq!(into_inner(tally.refusals).get("ERANGE"), Some(&1));
        assert_eq!(into_inner(tally.wrong), ["torn", "unreadable"]);
    }
}
