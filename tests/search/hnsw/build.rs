// SPDX-License-Identifier: MIT OR Apache-2.0
//! The builder of HNSW indexes.

use std::sync::atomic::{AtomicU64, Ordering};

use vexfs::anns::hnsw::Parameters;
use vexfs::anns::index::{self, BuildError, Index, Kind, Progress, Unobserved};
use vexfs::anns::{Metric, flat, recall};
use vexfs::dataset::Matrix;
use vexfs::dataset::workload::{Name, Workload};

use crate::hnsw::vectors::{below, build, matrix, random, unit};

fn recall(rows: &Matrix, queries: &Matrix, metric: Metric, effort: u32) -> f64 {
    let index = Index::parse(build(rows, metric, Parameters::default()), Kind::Hnsw).unwrap();
    index.check_rows(rows).unwrap();
    let sum: f64 = queries
        .iter()
        .map(|query| {
            let truth = flat::search(rows, metric, query, 10).hits;
            recall::by_distance(&truth, &index.search(rows, query, 10, effort).hits)
        })
        .sum();
    sum / queries.rows() as f64
}

#[test]
fn recall_on_the_clustered_workload() {
    let workload = Workload::new(Name::Clustered).generate().unwrap();
    for metric in Metric::ALL {
        let recall = recall(&workload.vectors, &workload.queries, metric, 48);
        assert!(recall > 0.98, "{metric}: {recall}");
    }
}

#[test]
fn recall_where_many_rows_are_equal() {
    let mut random = random(1);
    // 20 points, 100 times each, between 2,000 others.
    let points = matrix(20, 16, || unit(&mut random));
    let mut rows = matrix(2000, 16, || unit(&mut random));
    for _ in 0..100 {
        points.iter().for_each(|point| rows.push(point));
    }
    let queries = matrix(100, 16, || unit(&mut random));
    for metric in [Metric::L2, Metric::Cosine] {
        let recall = recall(&rows, &queries, metric, 64);
        assert!(recall > 0.9, "{metric}: {recall}");
    }
}

#[test]
fn the_file_does_not_depend_on_the_number_of_threads() {
    let mut random = random(2);
    let rows = matrix(3000, 24, || (below(&mut random, 50) as f32).powi(2));
    for metric in Metric::ALL {
        let parameters = index::Parameters::Hnsw(Parameters {
            m: 6,
            ef_construction: 50,
            ef_search: 10,
        });
        let hash = |threads, seed| {
            let built = index::build(&rows, metric, &parameters, seed, threads, &Unobserved);
            blake3::hash(&built.unwrap())
        };
        let one = hash(1, 42);
        assert_eq!(
            [2, 3, 8].map(|threads| hash(threads, 42)),
            [one; 3],
            "{metric}"
        );
        assert_ne!(hash(1, 43), one);
    }
}

#[test]
fn progress_rises_to_the_end_and_a_build_can_be_stopped() {
    struct Watch {
        last: AtomicU64,
        stop_at: u64,
    }
    impl Progress for Watch {
        fn report(&self, done: u64, of: u64) {
            assert_eq!(of, 3000);
            assert!(self.last.swap(done, Ordering::Relaxed) <= done);
        }
        fn should_stop(&self) -> bool {
            self.last.load(Ordering::Relaxed) >= self.stop_at
        }
    }
    let mut random = random(3);
    let rows = matrix(3000, 4, || unit(&mut random));
    let run = |stop_at| {
        let watch = Watch {
            last: AtomicU64::new(0),
            stop_at,
        };
        let parameters = index::Parameters::Hnsw(Parameters::default());
        let built = index::build(&rows, Metric::L2, &parameters, 1, 1, &watch);
        (built.map(|_| ()), watch.last.into_inner())
    };
    assert_eq!(run(u64::MAX), (Ok(()), 3000));
    let (built, last) = run(1000);
    assert_eq!(built, Err(BuildError::Interrupted));
    assert!(last < 3000, "{last}");
}

#[test]
fn impossible_parameters_are_named() {
    let rows = matrix(3, 2, || 0.0);
    for (parameter, change) in [
        ("M must", (|p| p.m = 1) as fn(&mut Parameters)),
        ("M must", |p| p.m = 129),
        ("efConstruction", |p| p.ef_construction = 0),
        ("efConstruction", |p| p.ef_construction = 65_537),
        ("efSearch", |p| p.ef_search = 0),
        ("efSearch", |p| p.ef_search = 65_537),
    ] {
        let mut parameters = Parameters::default();
        change(&mut parameters);
        let parameters = index::Parameters::Hnsw(parameters);
        let error = index::build(&rows, Metric::L2, &parameters, 1, 1, &Unobserved).unwrap_err();
        assert!(error.to_string().contains(parameter), "{error}");
    }
    let parameters = index::Parameters::Hnsw(Parameters::default());
    let nothing = index::build(&Matrix::new(3), Metric::L2, &parameters, 1, 1, &Unobserved);
    assert_eq!(nothing.unwrap_err(), BuildError::NoRows);
}
