// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches from several threads while another one appends to the file, truncates it, deletes it and makes it anew.
//!
//! Row `n` has the same content whenever it exists, so at any moment the file holds some prefix of one known sequence.
//! An answer says how many rows it searched: it must be the answer for that prefix.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::errno::Errno;

use super::contention::{Contention, Tally};
use crate::anns::{Hit, Metric, flat as exact};
use crate::client::Place;
use crate::dataset::{Matrix, fvecs};
use crate::exercise::Tell;
use crate::guest::mounts::Store;
use crate::guest::steps::context::{Context, flat, in_place};
use crate::protocol::Outcome;
use crate::protocol::results::{Concurrency, ConcurrencyRun, PerPlace};

const DIM: usize = 64;
const ROWS: usize = 512;
/// Rows that one change appends.
const STEP: usize = 16;
const K: u32 = 5;
const CHANGES: u32 = 100;

pub(super) fn observe(context: &Context) -> Result<Concurrency> {
    let store = Store::new()?;
    let mut places = PerPlace::new();
    for (done, place) in (1..).zip([Place::Fuse, Place::Kernel]) {
        let run = in_place(&store, place, |mounted| {
            contend(mounted.root(), &context.teller())
        });
        places.insert(place, Outcome::from(run));
        context.progress(done, 2)?;
    }
    Ok(Concurrency { places })
}

/// Changes and searches a file in `dir`, a directory of a mount, at the same time.
pub fn contend(dir: &Path, tell: Tell) -> Result<ConcurrencyRun> {
    let sequence = Sequence::new();
    let path = dir.join("changing.fvecs");
    sequence.create(&path)?;
    let contention = Contention {
        path: &path,
        query: &sequence.query,
        method: flat(K),
        // The file may be too short for `k` rows, or not be there when it is opened.
        allowed: &[Errno::ERANGE, Errno::ENOENT],
        fault: &|found| sequence.fault(found.rows, &found.hits),
    };
    let run = contention.run(|tally| change(&path, &sequence, tally, tell))?;
    fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    Ok(run)
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
            answers.push(exact::search(&rows, Metric::L2, &query, K as usize).hits);
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

/// Appends until the file is full and truncates it, or, every other time, deletes it and makes it anew.
fn change(path: &Path, sequence: &Sequence, tally: &Tally, tell: Tell) -> Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    let mut rows = STEP;
    let mut full = 0;
    for made in 0..CHANGES {
        tell("changes", made.into(), CHANGES.into());
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
        tally.changed()?;
    }
    Ok(())
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
}
