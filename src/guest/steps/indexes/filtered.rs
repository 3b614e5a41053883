// SPDX-License-Identifier: MIT OR Apache-2.0
//! Searches that keep to a filter: by each kind, both where the index is asked for more and where it is passed by.

use anyhow::{Result, ensure};

use super::comparison::{Comparisons, first_told, told};
use super::stock::{COVERED, K, Stock, method};
use crate::anns::index::{Among, Asked};
use crate::anns::{Filter, Metric, flat};
use crate::client::{Kind, Searcher};
use crate::exercise::Tell;
use crate::protocol::results::Case;

pub fn cases(stock: &Stock, tell: Tell) -> Result<Vec<Case>> {
    let mut cases = Comparisons::new(tell);
    let filters = filters(stock.rows.rows());
    // With effort 1 an index is worth asking for half of the rows.
    let asked = Asked {
        k: K as usize,
        effort: 1,
    };
    let half = Among::from(Some(&filters[0].1)).count(COVERED);
    ensure!(
        asked.among(half, COVERED).is_some(),
        "half of the rows are compared each"
    );
    let flat_search = |searcher: &Searcher, query: &[f32]| {
        let k = K as usize;
        let filter = searcher.filter();
        let expected = flat::search_filtered(&stock.rows, Metric::L2, query, k, filter);
        told(searcher.search(query, method(Kind::Flat, 0)), &expected)
    };
    for (what, filter) in &filters {
        let searcher = Searcher::open(&stock.path)?.keeping_to(filter.clone());
        let answers = stock.queries.iter();
        let answers = answers.map(|query| flat_search(&searcher, query));
        cases.push(format!("flat: {what}"), first_told(answers));
    }
    for (kind, index) in &stock.indexes {
        for (what, filter) in &filters {
            let searcher = Searcher::open(&stock.path)?.keeping_to(filter.clone());
            let answers = stock.queries.iter().map(|query| {
                let k = K as usize;
                let among = Among::from(Some(filter));
                let expected = index.search_among(&stock.rows, query, k, 1, among);
                told(searcher.search(query, method((*kind).into(), 1)), &expected)
            });
            cases.push(format!("{kind}: {what}"), first_told(answers));
        }
    }

    // Each open file has a filter of its own, and one without searches all rows.
    let searchers = [
        Searcher::open(&stock.path)?.keeping_to(filters[0].1.clone()),
        Searcher::open(&stock.path)?.keeping_to(filters[1].1.clone()),
        Searcher::open(&stock.path)?,
    ];
    let answers = stock.queries.iter().flat_map(|query| {
        let by_each = searchers.iter();
        by_each.map(move |searcher| flat_search(searcher, query))
    });
    cases.push("three open files in turns".to_owned(), first_told(answers));
    Ok(cases.into_cases())
}

/// Half of the rows, a few, none, and all: the last one in more words than there are rows for.
fn filters(rows: usize) -> [(&'static str, Filter); 4] {
    let rows = rows as u32;
    let every = |step: usize| -> Vec<u32> { (0..rows).step_by(step).collect() };
    let all = (0..rows / 64 + 3).map(|_| u64::MAX).collect();
    [
        ("half of the rows", Filter::of_rows(&every(2))),
        ("a few rows", Filter::of_rows(&every(97))),
        ("no row", Filter::default()),
        ("all rows", all),
    ]
}
