// SPDX-License-Identifier: MIT OR Apache-2.0
//! A search by an index from its beginning to its end, as `docs/search.md` has it for all kinds.

use std::ops::Range;

use super::Index;
use super::among::{Among, Asked};
use crate::anns::distance::{Backend, Query, Rows};
use crate::anns::topk::TopK;
use crate::anns::{Answer, Filter, flat};
use crate::dataset::{Matrix, RowSet};

impl Index {
    /// Searches for a covered row as if it were not one: what others link to it, or it to others, helps nobody.
    pub(crate) fn search_for_row(&self, rows: &Matrix, row: u32, k: usize, effort: u32) -> Answer {
        let query = rows.row(row as usize);
        let mut search = Search::new(self, rows.into(), query, k + 1);
        search.hidden = Some(row);
        let mut answer = search.run(effort, Among::default());
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
        self.search_among(rows, query, k, effort, Among::default())
    }

    /// Finds the nearest of the rows that an answer may have; all others that the kind looks at are passed by.
    pub fn search_among<'a>(
        &self,
        rows: impl Into<RowSet<'a>>,
        query: &[f32],
        k: usize,
        effort: u32,
        among: Among,
    ) -> Answer {
        Search::new(self, rows.into(), query, k).run(effort, among)
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

    fn run(&self, effort: u32, among: Among) -> Answer {
        let header = self.index.header();
        let covered = header.rows as usize;
        let effort = match effort {
            0 => header.effort,
            effort => effort,
        };
        let padded = Matrix::from_row(self.query);
        let exact = Query::new(header.metric(), padded.padded());
        let asked = Asked { k: self.k, effort };
        let (mut nearest, mut evaluated) = match among.is_all() {
            true => self.chosen(&exact, asked, among),
            false => self.chosen_among(&exact, asked, among),
        };
        let changed = among.changes.into_iter();
        let changed = changed.flat_map(|changes| changes.blocks(true));
        evaluated += self.compare(&exact, changed, among.filter, &mut nearest);
        let tail = covered..self.rows.rows();
        evaluated += flat::compare(&exact, self.rows, tail, among.filter, &mut nearest);
        Answer {
            hits: nearest.into_hits(),
            evaluated,
        }
    }

    /// The nearest of some of the covered rows, and how many were compared.
    fn chosen_among(&self, exact: &Query, asked: Asked, among: Among) -> (TopK, u64) {
        let covered = self.index.header().rows as usize;
        let there = among.count(covered);
        let mut compared = 0;
        if let Some(more) = asked.among(there, covered) {
            let found = self.chosen(exact, more, among);
            if found.1 >= there.min(self.k as u64) {
                return found;
            }
            compared = found.1;
        }
        let mut nearest = TopK::new(self.k);
        compared += match among.changes {
            None => flat::compare(exact, self.rows, 0..covered, among.filter, &mut nearest),
            Some(changes) => {
                let unchanged = changes.blocks(false);
                self.compare(exact, unchanged, among.filter, &mut nearest)
            }
        };
        (nearest, compared)
    }

    /// Compares the rows of blocks, or those of a filter among them, and returns how many these are.
    fn compare(
        &self,
        exact: &Query,
        blocks: impl Iterator<Item = Range<usize>>,
        filter: Option<&Filter>,
        nearest: &mut TopK,
    ) -> u64 {
        let rows = Rows::of(self.rows, exact.metric());
        let mut compared = 0;
        let mut compare = |list: &[u32]| {
            Backend::best().gather(exact, rows, list, nearest);
            compared += list.len() as u64;
        };
        for block in blocks {
            match filter {
                Some(filter) => filter.batches(block, &mut compare),
                None => compare(&block.map(|row| row as u32).collect::<Vec<_>>()),
            }
        }
        compared
    }

    /// The nearest of the candidates that the kind chooses, and how many were compared.
    fn chosen(&self, exact: &Query, asked: Asked, among: Among) -> (TopK, u64) {
        let Asked { k, effort } = asked;
        let mut nearest = TopK::new(self.k);
        let rerank = |candidates: &[u32]| {
            let rows = Rows::of(self.rows, exact.metric());
            let mut compare = |candidates: &[u32]| {
                Backend::best().gather(exact, rows, candidates, &mut nearest);
                candidates.len() as u64
            };
            if among.is_all() {
                return compare(candidates);
            }
            let there = candidates.iter().copied().filter(|row| among.has(*row));
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
