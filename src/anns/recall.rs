// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much of the exact answer an answer contains.

use super::{Hit, order};

/// Returns the share of the true nearest rows that were found.
pub fn by_row(truth: &[Hit], found: &[Hit]) -> f64 {
    share(truth, found, |hit| {
        truth.iter().any(|true_hit| true_hit.row == hit.row)
    })
}

/// Returns the share of hits that are no further away than the last true one. A row at the distance of a true one is as
/// good an answer.
pub fn by_distance(truth: &[Hit], found: &[Hit]) -> f64 {
    let Some(last) = truth.last() else { return 1.0 };
    share(truth, found, |hit| {
        order(hit.distance()) <= order(last.distance())
    })
}

fn share(truth: &[Hit], found: &[Hit], good: impl Fn(&&Hit) -> bool) -> f64 {
    match truth.len() {
        0 => 1.0,
        wanted => found.iter().take(wanted).filter(good).count() as f64 / wanted as f64,
    }
}
