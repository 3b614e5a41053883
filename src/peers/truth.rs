// SPDX-License-Identifier: MIT OR Apache-2.0
//! Computes what ids are worth: recall comes from them and the rows alone, whatever an engine says of itself.

use crate::anns::distance::{Backend, Query, Rows};
use crate::anns::topk::TopK;
use crate::anns::{Hit, Metric, flat, recall};
use crate::bench::ids_hash;
use crate::dataset::Matrix;

/// The metric of every comparison.
pub const METRIC: Metric = Metric::L2;

pub struct Truth<'a> {
    rows: &'a Matrix,
    queries: &'a Matrix,
    k: usize,
    /// The exact answers, by query.
    exact: Vec<Vec<Hit>>,
}

impl<'a> Truth<'a> {
    pub fn of(rows: &'a Matrix, queries: &'a Matrix, k: u32) -> Self {
        let k = k as usize;
        let exact = queries.iter();
        Truth {
            exact: exact
                .map(|query| flat::search(rows, METRIC, query, k).hits)
                .collect(),
            rows,
            queries,
            k,
        }
    }

    pub fn blake3(&self) -> String {
        ids_hash(self.exact.iter().map(Vec::as_slice))
    }

    /// The rows among the first k ids that an engine gives: those that exist, each once.
    pub fn rows_of(&self, said: &[i64]) -> Vec<u32> {
        let mut rows = Vec::new();
        for id in said.iter().take(self.k) {
            if let Ok(row) = u32::try_from(*id)
                && (row as usize) < self.rows.rows()
                && !rows.contains(&row)
            {
                rows.push(row);
            }
        }
        rows
    }

    /// The mean recall over all queries: by row, and by distance. `ids` are what [`Truth::rows_of`] left.
    pub fn recall(&self, ids: &[Vec<u32>]) -> (f64, f64) {
        let mut sums = (0.0, 0.0);
        for ((ids, query), exact) in ids.iter().zip(self.queries.iter()).zip(&self.exact) {
            let found = self.hits(query, ids);
            sums.0 += recall::by_row(exact, &found);
            sums.1 += recall::by_distance(exact, &found);
        }
        let queries = self.exact.len() as f64;
        (sums.0 / queries, sums.1 / queries)
    }

    fn hits(&self, query: &[f32], ids: &[u32]) -> Vec<Hit> {
        let padded = Matrix::from_row(query);
        let query = Query::new(METRIC, padded.padded());
        let mut all = TopK::new(ids.len());
        Backend::best().gather(&query, Rows::of(self.rows, METRIC), ids, &mut all);
        all.into_hits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows 0, 1, 2, … on a line, with rows 2 and 3 at the same place, and a query at 0.
    fn line() -> (Matrix, Matrix) {
        let mut rows = Matrix::new(1);
        for at in [0.0, 1.0, 2.0, 2.0, 4.0] {
            rows.push(&[at]);
        }
        (rows, Matrix::from_row(&[0.0]))
    }

    fn recall(said: &[i64]) -> (f64, f64) {
        let (rows, queries) = line();
        let truth = Truth::of(&rows, &queries, 3);
        truth.recall(&[truth.rows_of(said)])
    }

    #[test]
    fn the_true_rows_in_any_order_are_all_of_them() {
        assert_eq!(recall(&[0, 1, 2]), (1.0, 1.0));
        assert_eq!(recall(&[2, 1, 0]), (1.0, 1.0));
    }

    #[test]
    fn a_row_as_near_as_a_true_one_counts_by_distance_only() {
        let (by_row, by_distance) = recall(&[0, 1, 3]);
        assert_eq!((by_row * 3.0, by_distance), (2.0, 1.0));
    }

    #[test]
    fn a_row_that_is_named_again_does_not_count_again() {
        assert_eq!(recall(&[0, 0, 0]).0, 1.0 / 3.0);
    }

    #[test]
    fn what_is_no_row_and_what_nobody_asked_for_do_not_count() {
        assert_eq!(recall(&[-1, 5, i64::MAX]), (0.0, 0.0));
        // The right ones come fourth and later.
        assert_eq!(recall(&[4, 4, 4, 0, 1, 2]), (0.0, 0.0));
        assert_eq!(recall(&[]), (0.0, 0.0));
    }
}
