// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one search found, as it is told.

use serde::Serialize;

use crate::anns::{self, Metric};
use crate::client::{Found, Kind, Method, Searcher};

/// Says why there are fewer hits than were asked for.
pub fn fewer(searcher: &Searcher, found: &Found, method: Method) -> Option<String> {
    let Method { kind, k, .. } = method;
    let count = found.hits.len();
    let filter = searcher.filter();
    let there = filter.map(|filter| filter.below(found.rows as usize));
    let why = match (count as u64) < u64::from(k) {
        false => return None,
        true if there == Some(count as u64) => {
            format!("the filter has {count} of the file's {} rows", found.rows)
        }
        true if count as u64 == found.rows => format!("the file has {count} rows"),
        true => format!("a larger --effort finds more by {kind}, and --kind flat finds all"),
    };
    Some(format!("{count} of {k}: {why}"))
}

#[derive(Serialize)]
pub struct SearchOutput {
    /// The number of the query, if there are many.
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<usize>,
    driver: String,
    kind: Kind,
    metric: Metric,
    rows: u64,
    generation: u64,
    evaluated: u64,
    hits: Vec<Hit>,
}

#[derive(Serialize)]
struct Hit {
    row: u32,
    /// The distance; none if it overflowed, for which JSON has no number.
    distance: Option<f32>,
    distance_bits: u32,
}

impl SearchOutput {
    pub fn new(searcher: &Searcher, query: Option<usize>, method: Method, found: &Found) -> Self {
        let hit = |hit: &anns::Hit| Hit {
            row: hit.row,
            distance: Some(hit.distance()).filter(|distance| distance.is_finite()),
            distance_bits: hit.distance,
        };
        SearchOutput {
            query,
            driver: searcher.driver(),
            kind: method.kind,
            metric: method.metric,
            rows: found.rows,
            generation: found.generation,
            evaluated: found.evaluated,
            hits: found.hits.iter().map(hit).collect(),
        }
    }
}
