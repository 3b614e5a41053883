// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data on which one scale for all codes, or a graph without care, found little or nothing.

use std::f32::consts::PI;

use rand_core::Rng;
use rand_pcg::Pcg64;
use vexfs::anns::index::{self, Index, Kind, Parameters, Unobserved, Wanted};
use vexfs::anns::{Metric, flat, hnsw, ivf, lsh, pq, recall};
use vexfs::dataset::Matrix;

/// The recall@10 that an index is built for where nothing else is asked.
const WANTED: f64 = 0.95;
const QUERIES: usize = 50;

struct Data {
    random: Pcg64,
}

impl Data {
    fn unit(&mut self) -> f32 {
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
    fn clusters(&mut self, rows: usize, dim: usize) -> Vec<Vec<f32>> {
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

#[test]
fn defaults_find_what_is_near_in_data_that_is_hard() {
    for (name, metric, make) in SETS {
        let mut all = make(&mut Data {
            random: Pcg64::new(7, 0),
        });
        let queries = matrix(&all.split_off(all.len() - QUERIES));
        let rows = matrix(&all);
        for kind in [Kind::Hnsw, Kind::Ivf] {
            let index = built(&rows, *metric, &defaults(kind));
            assert_eq!(index.cut_off(), 0, "{name}, {metric}, {kind}");
            let wanted = Wanted::AtLeast(WANTED);
            let (bytes, quality) = index::tune(index, &rows, None, wanted, 2, &Unobserved).unwrap();
            let index = Index::parse(bytes, kind).unwrap();
            let quality = quality.unwrap();
            let header = index.header();
            println!(
                "{name}, {metric}, {kind}: exact {}, {quality:?}",
                header.exact
            );
            assert!(
                quality.reaches(WANTED),
                "{name}, {metric}, {kind}: {quality:?}"
            );
            assert_eq!(header.effort, quality.effort);
            assert_eq!(header.recall, (1e6 * quality.recall) as u32);
            // The queries are others than those that were measured: a few hundredths less may be chance.
            let recall = recall(&index, &rows, &queries);
            assert!(
                recall >= WANTED - 0.03,
                "{name}, {metric}, {kind}: {recall}"
            );
        }
    }
}

#[test]
fn as_many_equal_rows_are_found_as_are_asked_for() {
    let mut data = Data {
        random: Pcg64::new(8, 0),
    };
    let all_equal = vec![data.normals(32); 5000];
    let five: Vec<_> = (0..5).map(|_| data.normals(32)).collect();
    let five_kinds: Vec<_> = (0..500).map(|i| five[i % 5].clone()).collect();
    for (rows, k) in [(all_equal, 5000), (five_kinds, 100)] {
        let rows = matrix(&rows);
        for metric in Metric::ALL {
            let index = built(&rows, metric, &defaults(Kind::Hnsw));
            assert_eq!(index.cut_off(), 0, "{metric}");
            for k in [10, 100, k] {
                let query = rows.row(3);
                let found = index.search(&rows, query, k, 0).hits;
                assert_eq!(found.len(), k, "{metric}");
                let truth = flat::search(&rows, metric, query, k).hits;
                assert_eq!(recall::by_distance(&truth, &found), 1.0, "{metric}");
            }
        }
    }
}

/// Far from the origin, a few rows are the nearest to all queries by inner product: each must be found.
#[test]
fn the_few_rows_that_are_nearest_to_all_are_found() {
    for seed in 0..8 {
        let mut data = Data {
            random: Pcg64::new(seed, 0),
        };
        let mut rows = data.clusters(4000, 16);
        rows.iter_mut().flatten().for_each(|x| *x += 1000.0);
        let rows = matrix(&rows);
        let index = built(&rows, Metric::InnerProduct, &defaults(Kind::Hnsw));
        let query = rows.row(0);
        let truth = flat::search(&rows, Metric::InnerProduct, query, 10).hits;
        let found = index.search(&rows, query, 10, 64).hits;
        assert_eq!(found, truth, "seed {seed}");
    }
}

/// However few links a node has, and however many rows there are of a kind.
#[test]
fn every_row_can_be_reached_from_every_other_one() {
    let mut data = Data {
        random: Pcg64::new(9, 0),
    };
    for m in [2, 3, 16] {
        for different in [1, 2, 7, 400, u32::MAX] {
            for metric in Metric::ALL {
                let mut value = || (data.random.next_u32() % different) as f32 / 16.0;
                let rows: Vec<_> = (0..900).map(|_| vec![value(), value()]).collect();
                let rows = matrix(&rows);
                let parameters = Parameters::Hnsw(hnsw::Parameters {
                    m,
                    ef_construction: 10,
                    ef_search: 10,
                });
                let index = built(&rows, metric, &parameters);
                assert_eq!(
                    index.cut_off(),
                    0,
                    "{m} links, {different} values, {metric}"
                );
                let all = index.search(&rows, rows.row(0), 900, 0).hits;
                assert_eq!(all.len(), 900, "{m} links, {different} values, {metric}");
            }
        }
    }
}

#[test]
fn a_recall_is_reached_with_no_more_effort_than_it_takes() {
    let mut data = Data {
        random: Pcg64::new(10, 0),
    };
    let rows: Vec<_> = (0..3000).map(|_| data.normals(24)).collect();
    let rows = matrix(&rows);
    for kind in Kind::ALL {
        let mut efforts = Vec::new();
        for recall in [0.5, 0.8, 0.95, 0.99] {
            let index = built(&rows, Metric::L2, &defaults(kind));
            let tuned = index::tune(index, &rows, None, Wanted::Recall(recall), 1, &Unobserved);
            let (bytes, quality) = tuned.unwrap();
            let quality = quality.unwrap();
            assert!(quality.reaches(recall), "{kind}, {recall}: {quality:?}");
            assert!(Index::parse(bytes, kind).is_ok());
            efforts.push(quality.effort);
        }
        println!("{kind}: {efforts:?}");
        assert!(
            efforts.is_sorted() && efforts[0] < efforts[3],
            "{kind}: {efforts:?}"
        );
    }
    // Rows that were appended count as in any search: near ones that are found do not stand in for others.
    let index = built(&rows, Metric::L2, &defaults(Kind::Ivf));
    let mut more = rows.clone();
    (0..3000).for_each(|_| more.push(&data.normals(24)));
    let tuned = |rows: &Matrix| {
        let index = Index::parse(index::Bytes::copy_of(index.bytes()).unwrap(), Kind::Ivf).unwrap();
        let said = Wanted::AsItIs;
        let tuned = index::tune(index, rows, None, said, 1, &Unobserved);
        tuned.unwrap().1.unwrap()
    };
    let (alone, with_tail) = (tuned(&rows), tuned(&more));
    assert!(with_tail.recall < 1.0 && with_tail.recall > alone.recall);
    // Half of the nearest rows are in the tail, and all of those are found.
    let expected = (1.0 + alone.recall) / 2.0;
    assert!(
        (with_tail.recall - expected).abs() < 0.05,
        "{alone:?}, {with_tail:?}"
    );

    // What was said is not changed, and a single row has no neighbours to measure.
    let index = built(&rows, Metric::L2, &defaults(Kind::Hnsw));
    let (bytes, quality) = index::tune(index, &rows, None, Wanted::AsItIs, 1, &Unobserved).unwrap();
    let effort = hnsw::Parameters::default().ef_search;
    assert_eq!(quality.unwrap().effort, effort);
    assert_eq!(
        Index::parse(bytes, Kind::Hnsw).unwrap().header().effort,
        effort
    );
    let single = matrix(&[vec![1.0, 2.0]]);
    let index = built(&single, Metric::L2, &defaults(Kind::Hnsw));
    let before = index.bytes().to_vec();
    let (bytes, quality) =
        index::tune(index, &single, None, Wanted::AtLeast(0.9), 1, &Unobserved).unwrap();
    assert_eq!((&bytes[..], quality), (&before[..], None));
}
