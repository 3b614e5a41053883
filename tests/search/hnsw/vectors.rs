// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows and queries for tests.

use rand_core::Rng;
use rand_pcg::Pcg64;
use vexfs::anns::Metric;
use vexfs::anns::hnsw;
use vexfs::anns::index::{self, Bytes, Parameters, Unobserved};
use vexfs::dataset::Matrix;

pub fn random(seed: u64) -> Pcg64 {
    Pcg64::new(seed.into(), 0)
}

/// A number from 0 on, below `end`.
pub fn below(random: &mut Pcg64, end: usize) -> usize {
    (random.next_u64() % end as u64) as usize
}

/// A number from -1 to 1.
pub fn unit(random: &mut Pcg64) -> f32 {
    random.next_u32() as f32 / 2f32.powi(31) - 1.0
}

pub fn matrix(rows: usize, dim: usize, mut element: impl FnMut() -> f32) -> Matrix {
    let mut matrix = Matrix::new(dim);
    for _ in 0..rows {
        let row: Vec<f32> = (0..dim).map(|_| element()).collect();
        matrix.push(&row);
    }
    matrix
}

/// The first rows of a matrix.
pub fn first(rows: &Matrix, count: usize) -> Matrix {
    let mut first = Matrix::new(rows.dim());
    rows.iter().take(count).for_each(|row| first.push(row));
    first
}

pub fn build(rows: &Matrix, metric: Metric, parameters: hnsw::Parameters) -> Bytes {
    let parameters = Parameters::Hnsw(parameters);
    index::build(rows, metric, &parameters, 7, 2, &Unobserved).expect("an index")
}
