// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data on which one scale for all codes, or a graph without care, found little or nothing.

mod built;
mod updated;

use std::f32::consts::PI;

use rand_core::Rng;
use rand_pcg::Pcg64;
use vexfs::anns::index::{self, Index, Kind, Parameters, Unobserved};
use vexfs::anns::{Metric, flat, hnsw, ivf, lsh, pq, recall};
use vexfs::dataset::Matrix;

/// The recall@10 that an index is built for where nothing else is asked.
const WANTED: f64 = 0.95;
const QUERIES: usize = 50;

pub struct Data {
    random: Pcg64,
}

impl Data {
    pub fn unit(&mut self) -> f32 {
        (self.random.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    fn normal(&mut self) -> f32 {
        // Box and Muller; the logarithm is of no 0.
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (2.0 * PI * self.unit()).cos()
    }

    fn normals(&mut self, dim: usize) -> Vec<f32> {
        (0..dim).map(|_| self.normal()).collect()
    }

    /// Rows around 50 centres.
    pub fn clusters(&mut self, rows: usize, dim: usize) -> Vec<Vec<f32>> {
        let centres: Vec<_> = (0..50).map(|_| self.normals(dim)).collect();
        let near = |data: &mut Data| -> Vec<f32> {
            let centre = &centres[data.random.next_u32() as usize % 50];
            centre.iter().map(|x| 4.0 * x + data.normal()).collect()
        };
        (0..rows).map(|_| near(self)).collect()
    }
}

type Make = fn(&mut Data) -> Vec<Vec<f32>>;

/// Each set, its metric, and how rows and queries are made.
const SETS: &[(&str, Metric, Make)] = &[
    ("one element dominates", Metric::L2, |data| {
        let mut row = || {
            let mut row = data.normals(32);
            row[0] *= 1000.0;
            row
        };
        (0..3000).map(|_| row()).collect()
    }),
    ("one outlier", Metric::L2, |data| {
        let mut rows = data.clusters(5000, 32);
        rows[5].iter_mut().for_each(|x| *x *= 1000.0);
        rows
    }),
    ("far from the origin", Metric::InnerProduct, |data| {
        let mut rows = data.clusters(4000, 32);
        rows.iter_mut().flatten().for_each(|x| *x += 1000.0);
        rows
    }),
    ("heavy tails", Metric::L2, |data| {
        let mut row = || {
            let length = (2.0 * data.normal()).exp();
            data.normals(24).iter().map(|x| x * length).collect()
        };
        (0..3000).map(|_| row()).collect()
    }),
    ("heavy tails", Metric::InnerProduct, |data| {
        let mut row = || {
            let length = data.normal().exp();
            data.normals(24).iter().map(|x| x * length).collect()
        };
        (0..3000).map(|_| row()).collect()
    }),
    ("crowds far apart", Metric::L2, |data| {
        let mut row = || {
            let far = 1e5 * (data.random.next_u32() % 3) as f32;
            data.normals(16).iter().map(|x| x + far).collect()
        };
        (0..3000).map(|_| row()).collect()
    }),
    ("counts, most of them 0", Metric::L2, |data| {
        let mut count = || (data.random.next_u32() % 50).saturating_sub(45) as f32;
        (0..3000)
            .map(|_| (0..64).map(|_| count()).collect())
            .collect()
    }),
];

fn matrix(rows: &[Vec<f32>]) -> Matrix {
    let mut matrix = Matrix::new(rows[0].len());
    rows.iter().for_each(|row| matrix.push(row));
    matrix
}

fn defaults(kind: Kind) -> Parameters {
    match kind {
        Kind::Hnsw => Parameters::Hnsw(hnsw::Parameters::default()),
        Kind::Ivf => Parameters::Ivf(ivf::Parameters::default()),
        Kind::Pq => Parameters::Pq(pq::Parameters::default()),
        Kind::Lsh => Parameters::Lsh(lsh::Parameters::default()),
    }
}

fn built(rows: &Matrix, metric: Metric, parameters: &Parameters) -> Index {
    let bytes = index::build(rows, metric, parameters, 42, 2, &Unobserved).unwrap();
    Index::parse(bytes, parameters.kind()).unwrap()
}

/// Returns the recall@10 of queries that are no rows.
fn recall(index: &Index, rows: &Matrix, queries: &Matrix) -> f64 {
    let metric = index.header().metric();
    let shares = queries.iter().map(|query| {
        let truth = flat::search(rows, metric, query, 10).hits;
        recall::by_distance(&truth, &index.search(rows, query, 10, 0).hits)
    });
    shares.sum::<f64>() / queries.rows() as f64
}
