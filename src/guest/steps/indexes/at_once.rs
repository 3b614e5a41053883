// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many queries at once: in more than one batch, by each kind, with a filter and without.

use anyhow::Result;

use super::comparison::{AS_IN_PROCESS, Comparisons};
use super::stock::{Stock, method};
use crate::anns::Filter;
use crate::bench::{self, first_divergence};
use crate::client::{Kind, Searcher};
use crate::dataset::Matrix;
use crate::exercise::Tell;
use crate::protocol::results::Case;

const QUERIES: usize = 400;

pub fn cases(stock: &Stock, tell: Tell) -> Result<Vec<Case>> {
    let mut queries = Matrix::new(stock.rows.dim());
    for row in stock.rows.iter().take(QUERIES) {
        let query: Vec<f32> = row.iter().map(|element| element + 0.125).collect();
        queries.push(&query);
    }
    let few: Vec<u32> = (0..stock.rows.rows() as u32).step_by(97).collect();
    let mut cases = Comparisons::new(tell);
    for kind in [Kind::Flat, Kind::Hnsw, Kind::Ivf, Kind::Pq, Kind::Lsh] {
        for (what, filter) in [
            ("all rows", None),
            ("a few rows", Some(Filter::of_rows(&few))),
        ] {
            let mut searcher = Searcher::open(&stock.path)?;
            if let Some(filter) = filter {
                searcher = searcher.keeping_to(filter);
            }
            let method = method(kind, 0);
            let one_by_one = queries.iter().map(|query| searcher.search(query, method));
            let one_by_one = one_by_one.collect::<Result<Vec<_>, _>>()?;
            let at_once = searcher.search_batch(&queries, 0..QUERIES, method)?;
            let [one_by_one, at_once] = [one_by_one, at_once].map(|found| {
                let answers = found.iter().map(|found| bench::Answer::new(&found.hits));
                answers.collect::<Vec<_>>()
            });
            let name = format!("{kind}: many queries at once, {what}");
            let divergence = first_divergence(&one_by_one, &at_once);
            cases.push(name, divergence.unwrap_or_else(|| AS_IN_PROCESS.to_owned()));
        }
    }
    Ok(cases.into_cases())
}
