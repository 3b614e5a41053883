// SPDX-License-Identifier: MIT OR Apache-2.0
//! A search by an index from its beginning to its end, as `docs/search.md` has it for all kinds.

use super::Index;
use crate::anns::distance::{Backend, Query, Rows};
use crate::anns::file::EFFORT_MAX;
use crate::anns::filter::Way;
use crate::anns::topk::TopK;
use crate::anns::{Answer, Filter, flat};
use crate::dataset::{Matrix, RowSet};

impl Index {
    /// Searches for a covered row as if it were not one: what others link to it, or it to others, helps nobody.
    pub(crate) fn search_for_row(&self, rows: &Matrix, row: u32, k: usize, effort: u32) -> Answer {
        let query = rows.row(row as usize);
        let mut search = Search::new(self, rows.into(), query, k + 1);
        search.hidden = Some(row);
        let mut answer = search.run(effort, None);
        answer.hits.retain(|hit| hit.row != row);
        answer.hits.truncate(k);
        answer
    }

    /// Finds the nearest of the rows that the kind looks at; `rows` have passed `check_rows`. Effort 0 stands for the
    /// index's own effort.
    ///
    /// Panics if the query or the rows are of another dimension, or if there are fewer rows than the index covers.
    pub fn search<'a>(
        &self,
        rows: impl Into<RowSet<'a>>,
        query: &[f32],
        k: usize,
        effort: u32,
    ) -> Answer {
        self.search_filtered(rows, query, k, effort, None)
    }

    /// Finds the nearest rows of a filter, if there is one, and otherwise what `search` finds.
    pub fn search_filtered<'a>(
        &self,
        rows: impl Into<RowSet<'a>>,
        query: &[f32],
        k: usize,
        effort: u32,
        filter: Option<&Filter>,
    ) -> Answer {
        Search::new(self, rows.into(), query, k).run(effort, filter)
    }
}

struct Search<'a> {
    index: &'a Index,
    rows: RowSet<'a>,
    query: &'a [f32],
    k: usize,
    /// A covered row whose node is passed by.
    hidden: Option<u32>,
}

impl<'a> Search<'a> {
    fn new(index: &'a Index, rows: RowSet<'a>, query: &'a [f32], k: usize) -> Self {
        let header = index.header();
        let dim = header.dim as usize;
        assert_eq!(query.len(), dim, "a query of another dimension");
        assert_eq!(rows.dim(), dim, "rows of another dimension");
        let covered = header.rows as usize;
        assert!(covered <= rows.rows(), "fewer rows than the index covers");
        Search {
            index,
            rows,
            query,
            k,
            hidden: None,
        }
    }

    fn run(&self, effort: u32, filter: Option<&Filter>) -> Answer {
        let header = self.index.header();
        let covered = header.rows as usize;
        let effort = match effort {
            0 => header.effort,
            effort => effort,
        };
        let padded = Matrix::from_row(self.query);
        let exact = Query::new(header.metric(), padded.padded());
        let (mut nearest, mut evaluated) = match filter {
            None => self.chosen(&exact, self.k, effort, None),
            Some(filter) => self.filtered(&exact, effort, filter),
        };
        let tail = covered..self.rows.rows();
        evaluated += flat::compare(&exact, self.rows, tail, filter, &mut nearest);
        Answer {
            hits: nearest.into_hits(),
            evaluated,
        }
    }

    /// The nearest covered rows of a filter, and how many were compared.
    fn filtered(&self, exact: &Query, effort: u32, filter: &Filter) -> (TopK, u64) {
        let covered = self.index.header().rows as usize;
        let wanted = u64::from(effort).max(self.k as u64);
        let mut compared = 0;
        if let Way::Times(times) = filter.way(covered, wanted) {
            let more = (u64::from(effort) * times).min(EFFORT_MAX.into());
            let found = self.chosen(exact, self.k * times as usize, more as u32, Some(filter));
            if found.1 >= filter.below(covered).min(self.k as u64) {
                return found;
            }
            compared = found.1;
        }
        let mut nearest = TopK::new(self.k);
        compared += flat::compare(exact, self.rows, 0..covered, Some(filter), &mut nearest);
        (nearest, compared)
    }

    /// The nearest of the candidates that the kind chooses for `k` rows, and how many were compared.
    fn chosen(&self, exact: &Query, k: usize, effort: u32, filter: Option<&Filter>) -> (TopK, u64) {
        let mut nearest = TopK::new(self.k);
        let rerank = |candidates: &[u32]| {
            let rows = Rows::of(self.rows, exact.metric());
            let mut compare = |candidates: &[u32]| {
                Backend::best().gather(exact, rows, candidates, &mut nearest);
                candidates.len() as u64
            };
            let Some(filter) = filter else {
                return compare(candidates);
            };
            let there = candidates.iter().copied().filter(|row| filter.has(*row));
            compare(&there.collect::<Vec<_>>())
        };
        let (query, effort) = (self.query, effort as usize);
        let compared = match self.index {
            Index::Hnsw(index) => index.search(self.rows, self.hidden, query, k, effort, rerank),
            Index::Ivf(index) => index.search(query, k, effort, rerank),
            Index::Pq(index) => index.search(query, k, effort, rerank),
            Index::Lsh(index) => index.search(query, effort, rerank),
        };
        (nearest, compared)
    }
}
