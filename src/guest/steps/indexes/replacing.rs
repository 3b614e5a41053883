// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches from several threads while another one appends rows, replaces, deletes and rewrites the index.
//!
//! Rows are only ever appended, and each index covers a prefix of one known sequence. An answer says how many rows it
//! searched: it must be the answer of one of the indexes that fit into these. Rows and index are looked at one after
//! the other, but whatever order they change in, no search may call the index stale.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use nix::errno::Errno;

use crate::anns::index::{self, Index};
use crate::anns::{Hit, Metric};
use crate::client::{Found, Kind, Method};
use crate::dataset::workload::{Name, Workload};
use crate::dataset::{Matrix, fvecs};
use crate::exercise::Tell;
use crate::exercise::building::{build, parse};
use crate::guest::steps::contention::{Contention, Tally};
use crate::protocol::results::ConcurrencyRun;

const DIM: usize = 32;
/// Rows that one change appends, and that the first index covers.
const STEP: usize = 64;
const STEPS: usize = 6;
/// How often the file grows from its first rows to all of them.
const ROUNDS: usize = 4;

const METHOD: Method = Method {
    kind: Kind::Hnsw,
    metric: Metric::L2,
    k: 5,
    effort: 8,
};

/// Changes and searches rows and index in `dir`, a directory of a mount, at the same time.
pub fn contend(dir: &Path, tell: Tell) -> Result<ConcurrencyRun> {
    let growth = Growth::new()?;
    let path = dir.join("growing.fvecs");
    fs::write(&path, &growth.steps[0])?;
    let contention = Contention {
        path: &path,
        query: &growth.query,
        method: METHOD,
        // The index may be deleted, or rewritten in place and not yet whole.
        allowed: &[Errno::ENODATA, Errno::EUCLEAN],
        fault: &|found| growth.fault(found),
    };
    contention.run(|tally| {
        for round in 0..ROUNDS {
            change(&path, &growth, round, tally, tell)?;
        }
        Ok(())
    })
}

/// Lets the file grow once, with an index for each step, and cuts it back.
fn change(path: &Path, growth: &Growth, round: usize, tally: &Tally, tell: Tell) -> Result<()> {
    let index = path.with_extension("fvecs.hnsw");
    let new = path.with_file_name("new");
    let mut file = OpenOptions::new().append(true).open(path)?;
    for step in 0..STEPS {
        let made = round * STEPS + step;
        tell("replaced indexes", made as u64, (ROUNDS * STEPS) as u64);
        if step > 0 {
            file.write_all(&growth.steps[step])?;
            tally.changed()?;
        }
        if (round + step) % 3 == 2 {
            fs::write(&index, &growth.indexes[step])?;
        } else {
            fs::write(&new, &growth.indexes[step])?;
            fs::rename(&new, &index)?;
        }
        tally.changed()?;
    }
    // The index goes before the rows that it covers.
    fs::remove_file(&index)?;
    tally.changed()?;
    file.set_len(growth.steps[0].len() as u64)?;
    tally.changed()
}

/// Rows and indexes that cover the first of them.
struct Growth {
    /// The rows that each step appends, encoded; `indexes` has an index of all rows up to there.
    steps: Vec<Vec<u8>>,
    indexes: Vec<Vec<u8>>,
    query: Vec<f32>,
    /// The right answers by the number of rows in the file: those of the indexes that cover no more.
    answers: BTreeMap<u64, Vec<Vec<Hit>>>,
}

impl Growth {
    fn new() -> Result<Self> {
        let workload = Workload {
            rows: STEP * STEPS,
            dim: DIM,
            queries: 1,
            ..Workload::new(Name::Clustered)
        };
        let generated = workload.generate()?;
        let query = generated.queries.row(0).to_owned();
        let mut rows = Matrix::new(DIM);
        let (mut steps, mut indexes, mut parsed) = (Vec::new(), Vec::new(), Vec::new());
        let mut answers = BTreeMap::new();
        for step in 0..STEPS {
            let mut encoded = Vec::new();
            for row in step * STEP..(step + 1) * STEP {
                rows.push(generated.vectors.row(row));
                fvecs::encode_row(&mut encoded, generated.vectors.row(row))?;
            }
            steps.push(encoded);
            let index = build(&rows, METHOD.metric, index::Kind::Hnsw)?;
            parsed.push(parse(&index, index::Kind::Hnsw)?);
            indexes.push(index);
            let search = |index: &Index| {
                let answer = index.search(&rows, &query, METHOD.k as usize, METHOD.effort);
                answer.hits
            };
            answers.insert(rows.rows() as u64, parsed.iter().map(search).collect());
        }
        Ok(Growth {
            steps,
            indexes,
            query,
            answers,
        })
    }

    /// What is wrong with an answer, if anything.
    fn fault(&self, found: &Found) -> Option<String> {
        let Some(right) = self.answers.get(&found.rows) else {
            return Some(format!("of {} rows, which the file never had", found.rows));
        };
        (!right.contains(&found.hits)).then(|| {
            format!(
                "of {} rows: {:?}, which none of the indexes gives",
                found.rows, found.hits
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_must_be_that_of_an_index_that_fits() {
        let growth = Growth::new().unwrap();
        let found = |rows: usize, hits: &[Hit]| Found {
            hits: hits.to_vec(),
            rows: rows as u64,
            generation: 1,
            evaluated: 1,
        };
        let right = &growth.answers[&(2 * STEP as u64)];
        assert_eq!(right.len(), 2);
        for hits in right {
            assert_eq!(growth.fault(&found(2 * STEP, hits)), None);
        }
        let mut wrong = right[1].clone();
        wrong[2].row ^= 1;
        let fault = growth.fault(&found(2 * STEP, &wrong)).unwrap();
        assert!(
            fault.ends_with("which none of the indexes gives"),
            "{fault}"
        );
        let fault = growth.fault(&found(STEP + 1, &right[0])).unwrap();
        assert!(fault.ends_with("which the file never had"), "{fault}");
    }
}
