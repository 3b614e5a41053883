// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares the neighbours that a file brings with the exact ones: by distance, since of two rows equally far away
//! either may come first.

use crate::anns::{Hit, Metric};
use crate::dataset::ReadError;
use crate::dataset::hdf5::Hdf5;
use crate::dataset::workload::Vectors;

use crate::criteria::check::Finding;

/// The tolerance between distances. Whoever wrote the file computed with floats of their own. Two distances count as
/// equal if they differ by no more than this part of what they are computed from.
const TOLERANCE: f64 = 1e-5;

pub fn compare(
    file: &Hdf5,
    vectors: &Vectors,
    metric: Metric,
    truth: &[Vec<Hit>],
) -> Result<Finding, ReadError> {
    let k = truth.first().map_or(0, Vec::len);
    let Some(neighbors) = file.neighbors(truth.len(), k)? else {
        return Ok(Finding::skipped("the file brings no neighbours"));
    };
    let mut equal = 0;
    for (number, (theirs, ours)) in neighbors.iter().zip(truth).enumerate() {
        let query = vectors.queries.row(number);
        for (rank, (id, hit)) in theirs.iter().zip(ours).enumerate() {
            let row = usize::try_from(*id)
                .ok()
                .filter(|row| *row < vectors.vectors.rows());
            let Some(row) = row else {
                return Ok(Finding::fail(format!(
                    "query {number}, rank {rank}: the file has row {id}, which there is not"
                )));
            };
            let [theirs, exact] = [row, hit.row as usize]
                .map(|row| Distance::of(metric, query, vectors.vectors.row(row)));
            if (theirs.value - exact.value).abs() > TOLERANCE * theirs.scale.max(exact.scale) {
                return Ok(Finding::fail(format!(
                    "query {number}, rank {rank}: the file has row {row} at {}, but row {} is there at {}",
                    theirs.value, hit.row, exact.value
                )));
            }
            equal += 1;
        }
    }
    Ok(Finding::pass(format!(
        "{equal} neighbours of {} queries in the file are as near as the exact ones",
        truth.len()
    )))
}

/// A distance, and how large the terms are that it is computed from.
struct Distance {
    value: f64,
    scale: f64,
}

impl Distance {
    fn of(metric: Metric, a: &[f32], b: &[f32]) -> Distance {
        let [aa, ab, bb] = [dot(a, a), dot(a, b), dot(b, b)];
        match metric {
            Metric::L2 => {
                let differences = a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b));
                Distance {
                    value: differences.map(|difference| difference * difference).sum(),
                    scale: aa + bb,
                }
            }
            Metric::InnerProduct => Distance {
                value: -ab,
                scale: (aa * bb).sqrt(),
            },
            Metric::Cosine => Distance {
                value: 1.0 - ab / (aa * bb).sqrt(),
                scale: 1.0,
            },
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
    products.sum()
}
