// SPDX-License-Identifier: MIT OR Apache-2.0
//! Building an LSH index: projections whose width fits the rows, then the buckets of each table.

use std::sync::atomic::{AtomicU64, Ordering};

use rand_core::Rng;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::probes::home;
use super::{Parameters, Shape, hash, section};
use crate::anns::building::{BuildError, Progress};
use crate::anns::distance::{Backend, Query, Rows};
use crate::anns::file::{Bytes, Header, Kind, Writer};
use crate::anns::kmeans;
use crate::anns::partition::Partition;
use crate::anns::topk::TopK;
use crate::anns::{Hit, Metric, directions};
use crate::dataset::Matrix;

/// Rows whose neighbours tell how wide the interval of a hash has to be.
const SAMPLE: usize = 100;
/// The rank of the neighbour whose distance tells the width.
const NEIGHBOUR: usize = 10;
/// Rows that a thread hashes at a time.
const CHUNK: usize = 1024;

/// Builds an index of all rows with the threads of the pool that it is called in. The result does not depend on their
/// number.
pub fn build(
    rows: &Matrix,
    metric: Metric,
    parameters: &Parameters,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Bytes, BuildError> {
    parameters.check()?;
    let shape = Shape {
        tables: parameters.tables as usize,
        hashes: parameters.hashes as usize,
        bits: parameters.bits(rows.rows()),
    };
    let mut header = Header::new(Kind::Lsh, metric, rows, seed);
    header.effort = parameters.probes;
    shape.write(&mut header);
    let mut file = Writer::new(header, super::section_sizes)?;

    let mut random = Pcg64::new(seed.into(), 0);
    progress.go_on()?;
    let width = parameters.width * typical_distance(rows, metric, &mut random);
    let hashing = Hashing::new(rows.dim(), shape.tables * shape.hashes, width, &mut random);
    file.section(section::PROJECTIONS)
        .copy_from_slice(hashing.projections.padded());
    file.section(section::BIAS).copy_from_slice(&hashing.bias);

    let numbers = hashing.buckets(rows, metric, shape, progress)?;
    write_buckets(&mut file, &numbers, shape);
    Ok(file.seal(rows))
}

/// Fills in the buckets of all tables. `numbers` are those of each row in each table, row after row.
pub(super) fn write_buckets(file: &mut Writer, numbers: &[u32], shape: Shape) {
    let tables: Vec<Partition> = (0..shape.tables)
        .into_par_iter()
        .map(|table| {
            let of_table = numbers.iter().skip(table).step_by(shape.tables);
            Partition::of(of_table.copied(), 1 << shape.bits)
        })
        .collect();
    let starts = tables.iter().flat_map(|table| &table.starts);
    for (written, start) in file.section(section::STARTS).iter_mut().zip(starts) {
        *written = *start;
    }
    let members = tables.iter().flat_map(|table| &table.members);
    for (written, row) in file.section(section::BUCKETS).iter_mut().zip(members) {
        *written = *row;
    }
}

/// Returns the median distance of some rows from a near neighbour, or 1 if the median is not a normal number. Unless
/// the metric is L2, it is the distance of directions.
fn typical_distance(rows: &Matrix, metric: Metric, random: &mut Pcg64) -> f32 {
    let mut distances: Vec<f32> = kmeans::sample(rows.rows(), SAMPLE, random)
        .into_par_iter()
        .map(|row| {
            // The row itself is the nearest.
            let mut nearest = TopK::new(NEIGHBOUR + 1);
            let squared = match metric {
                Metric::L2 => Metric::L2,
                Metric::InnerProduct | Metric::Cosine => Metric::Cosine,
            };
            let query = Query::new(squared, rows.padded_row(row));
            let all = Rows::of(rows, squared);
            Backend::best().scan(&query, all, 0..rows.rows(), &mut nearest);
            let furthest = nearest.into_hits().last().map_or(0.0, Hit::distance);
            match metric {
                Metric::L2 => furthest.sqrt(),
                // |a - b|^2 = 2 - 2ab where a and b are of length 1; rounding may make it negative.
                Metric::InnerProduct | Metric::Cosine => (2.0 * furthest.max(0.0)).sqrt(),
            }
        })
        .collect();
    distances.sort_by(f32::total_cmp);
    let median = distances[distances.len() / 2];
    match median.is_normal() {
        true => median,
        false => 1.0,
    }
}

pub(super) struct Hashing {
    pub projections: Matrix,
    pub bias: Vec<f32>,
}

impl Hashing {
    fn new(dim: usize, count: usize, width: f32, random: &mut Pcg64) -> Self {
        let mut projections = Matrix::new(dim);
        let mut projection = vec![0.0; dim];
        for _ in 0..count {
            // The quotient is finite, however narrow the width is.
            projection.fill_with(|| (deviate(random) / f64::from(width)) as f32);
            projections.push(&projection);
        }
        Hashing {
            projections,
            bias: (0..count).map(|_| uniform(random) as f32).collect(),
        }
    }

    /// Returns the bucket of each row in each table, row after row.
    pub fn buckets(
        &self,
        rows: &Matrix,
        metric: Metric,
        shape: Shape,
        progress: &dyn Progress,
    ) -> Result<Vec<u32>, BuildError> {
        let Shape {
            tables,
            hashes,
            bits,
        } = shape;
        let mut numbers = vec![0; rows.rows() * tables];
        let done = AtomicU64::new(0);
        numbers
            .par_chunks_mut(CHUNK * tables)
            .enumerate()
            .try_for_each(|(chunk, numbers)| -> Result<(), BuildError> {
                progress.go_on()?;
                let (mut projected, mut hashed) = (Vec::new(), Vec::new());
                for (row, numbers) in (chunk * CHUNK..).zip(numbers.chunks_exact_mut(tables)) {
                    let mut vector = Matrix::from_row(rows.row(row));
                    if metric != Metric::L2 {
                        vector = directions::of(&vector);
                    }
                    hash(
                        &vector,
                        self.projections.padded(),
                        &self.bias,
                        &mut projected,
                        &mut hashed,
                    );
                    for (number, hashed) in numbers.iter_mut().zip(hashed.chunks_exact(hashes)) {
                        *number = home(hashed, bits);
                    }
                }
                let hashed = (numbers.len() / tables) as u64;
                let done = done.fetch_add(hashed, Ordering::Relaxed) + hashed;
                progress.report(done, rows.rows() as u64);
                Ok(())
            })?;
        Ok(numbers)
    }
}

/// Draws nearly a standard normal deviate: the sum of four uniform ones, scaled to a variance of 1. The exact shape of
/// the bell does not matter, and logarithms differ from machine to machine.
fn deviate(random: &mut Pcg64) -> f64 {
    let sum: f64 = (0..4).map(|_| uniform(random)).sum();
    (sum - 2.0) * 3f64.sqrt()
}

/// Draws a number from 0 up to, but not including, 1, with as many bits as an f32 has.
fn uniform(random: &mut Pcg64) -> f64 {
    f64::from(random.next_u32() >> 8) / f64::from(1 << 24)
}
