// SPDX-License-Identifier: MIT OR Apache-2.0
//! How good the answers of an index are, measured on some of its own rows against exact search.

use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::{BuildError, EFFORT_MAX, Index, Progress, RECALL_WHOLE};
use crate::anns::distance::{Backend, Query};
use crate::anns::topk::TopK;
use crate::anns::{Hit, flat, kmeans, recall};
use crate::dataset::Matrix;

/// Rows that are searched for.
const QUERIES: usize = 128;
/// Queries that are given, at most.
const QUERIES_MAX: usize = 10_000;
/// Rows that are wanted, beside the one that is searched for.
const K: usize = 10;
/// After so many steps that find no more, more effort is given up.
const IN_VAIN: u32 = 6;
/// The stream of the generator that chooses rows: no builder has it.
const STREAM: u128 = 0x7265_6361_6c6c;

/// Some queries, and the rows that are nearest to each of them. Appended rows are among them, as in any search.
pub struct Sample {
    queries: Vec<Asked>,
    truth: Vec<Vec<Hit>>,
}

/// A query, which may be a row of the index; that row is then no answer to it.
struct Asked {
    query: Matrix,
    row: Option<usize>,
}

/// What searches with an effort found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    pub effort: u32,
    /// The mean of recall@10 by distance.
    pub recall: f64,
    /// How far the recall of other rows may lie from it: one standard error of the mean.
    pub error: f64,
    /// The mean share of all rows whose distance was computed in full.
    pub evaluated: f64,
    /// How many rows were searched for.
    pub queries: u32,
}

impl Sample {
    /// Searches for what is nearest to the first of `queries`, or to some rows of the index. There is no sample of a
    /// single row.
    pub fn of(
        index: &Index,
        rows: &Matrix,
        queries: Option<&Matrix>,
        progress: &dyn Progress,
    ) -> Result<Option<Self>, BuildError> {
        let header = index.header();
        let covered = header.rows as usize;
        // Searches for a row pass it by: its links, which lead to its nearest ones, would help no other query.
        let queries: Vec<Asked> = match queries {
            Some(queries) => queries
                .iter()
                .take(QUERIES_MAX)
                .map(|query| Asked {
                    query: Matrix::from_row(query),
                    row: None,
                })
                .collect(),
            None => {
                let mut random = Pcg64::new(header.seed.into(), STREAM);
                let rows_of = kmeans::sample(covered, QUERIES, &mut random).into_iter();
                rows_of
                    .map(|row| Asked {
                        query: Matrix::from_row(rows.row(row)),
                        row: Some(row),
                    })
                    .collect()
            }
        };
        let k = K.min(rows.rows() - 1);
        if k == 0 || queries.is_empty() {
            return Ok(None);
        }
        let truth = queries
            .par_iter()
            .map(|asked| {
                progress.go_on()?;
                let query = Query::new(header.metric(), asked.query.padded());
                let mut nearest = TopK::new(k + 1);
                flat::scan(Backend::best(), &query, rows, 0..rows.rows(), &mut nearest);
                Ok(asked.others(nearest.into_hits(), k))
            })
            .collect::<Result<_, BuildError>>()?;
        Ok(Some(Sample { queries, truth }))
    }

    /// Measures the answers of an index to the rows of the sample.
    pub fn measure(
        &self,
        index: &Index,
        rows: &Matrix,
        effort: u32,
        progress: &dyn Progress,
    ) -> Result<Quality, BuildError> {
        let covered = index.header().rows as usize;
        let found: Vec<(f64, u64)> = std::iter::zip(&self.queries, &self.truth)
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|(asked, truth)| {
                progress.go_on()?;
                let k = truth.len();
                let answer = match asked.row {
                    None => index.search(rows, asked.query.row(0), k, effort),
                    Some(row) => index.search_for_row(rows, row as u32, k, effort),
                };
                Ok((recall::by_distance(truth, &answer.hits), answer.evaluated))
            })
            .collect::<Result<_, BuildError>>()?;
        let count = found.len() as f64;
        let mean = found.iter().map(|(recall, _)| recall).sum::<f64>() / count;
        let spread: f64 = found
            .iter()
            .map(|(recall, _)| (recall - mean).powi(2))
            .sum();
        let tail = (rows.rows() - covered) as u64;
        let evaluated: u64 = found.iter().map(|(_, evaluated)| evaluated - tail).sum();
        Ok(Quality {
            effort,
            recall: mean,
            error: spread.sqrt() / count,
            evaluated: evaluated as f64 / count / covered as f64,
            queries: found.len() as u32,
        })
    }

    /// Finds the least effort, from `least` on, with which the recall is `wanted` for all one may say. Returns the best
    /// that there is if none reaches it.
    pub fn reach(
        &self,
        index: &Index,
        rows: &Matrix,
        wanted: f64,
        least: u32,
        progress: &dyn Progress,
    ) -> Result<Quality, BuildError> {
        let most = most_effort(index);
        let mut effort = least.min(most);
        let mut best = self.measure(index, rows, effort, progress)?;
        let mut in_vain = 0;
        while !best.reaches(wanted) && effort < most && in_vain < IN_VAIN {
            // Fine steps, so that hardly more is chosen than is needed.
            effort = (effort + (effort / 4).max(1)).min(most);
            let next = self.measure(index, rows, effort, progress)?;
            // Efforts up to k may be one and the same.
            in_vain += u32::from(effort as usize > 2 * K);
            if next.recall > best.recall {
                (best, in_vain) = (next, 0);
            }
        }
        Ok(best)
    }
}

impl Quality {
    /// Whether the recall of all rows is `wanted` or more, as far as a sample tells.
    pub fn reaches(&self, wanted: f64) -> bool {
        self.recall - self.error >= wanted || self.recall >= 1.0
    }

    /// Returns the recall as the header has it.
    pub fn in_millionths(&self) -> u32 {
        (self.recall * f64::from(RECALL_WHOLE)) as u32
    }
}

/// Efforts beyond which no more is found.
fn most_effort(index: &Index) -> u32 {
    let header = index.header();
    let all = match index {
        Index::Hnsw(_) | Index::Pq(_) => header.rows,
        Index::Ivf(_) => header.param[0].into(),
        // 3^hashes sets of perturbations.
        Index::Lsh(_) => 3u64.pow(header.param[1]),
    };
    all.min(EFFORT_MAX.into()) as u32
}

impl Asked {
    /// Returns the `k` nearest that are not the query itself.
    fn others(&self, mut hits: Vec<Hit>, k: usize) -> Vec<Hit> {
        hits.retain(|hit| Some(hit.row as usize) != self.row);
        hits.truncate(k);
        hits
    }
}
