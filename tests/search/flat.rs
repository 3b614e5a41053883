// SPDX-License-Identifier: MIT OR Apache-2.0
//! Flat search: the smallest candidates, ties to the smaller row, and the exact answers of the inherited workload.

use proptest::prelude::*;
use vexfs::anns::distance::Backend;
use vexfs::anns::{Hit, Metric, flat, recall};
use vexfs::bench::ids_hash;
use vexfs::dataset::Matrix;
use vexfs::dataset::workload::{Name, Workload};

fn matrix(dim: usize, values: &[f32]) -> Matrix {
    let mut matrix = Matrix::new(dim);
    values.chunks_exact(dim).for_each(|row| matrix.push(row));
    matrix
}

/// The answer by sorting all distances of the reference.
fn by_sorting(vectors: &Matrix, metric: Metric, query: &[f32], k: usize) -> Vec<Hit> {
    let mut hits = flat::search_with(Backend::Scalar, vectors, metric, query, vectors.rows()).hits;
    hits.sort_by(|a, b| {
        a.distance()
            .total_cmp(&b.distance())
            .then(a.row.cmp(&b.row))
    });
    hits.truncate(k);
    hits
}

#[test]
fn exact_answers_of_the_inherited_workload() {
    let workload = Workload::new(Name::Inherited).generate().unwrap();
    let answers: Vec<Vec<Hit>> = workload
        .queries
        .iter()
        .map(|query| flat::search(&workload.vectors, Metric::L2, query, 10).hits)
        .collect();
    assert_eq!(
        ids_hash(answers.iter().map(Vec::as_slice)),
        "95ddca6a20e8e3417411f2b891920d3a89216a84b434d94861f615e2dec30632"
    );
}

#[test]
fn equal_distances_go_to_the_smaller_row() {
    // Past the number of rows that are looked at together.
    let vectors = matrix(1, &[1.0; 1000]);
    for backend in Backend::ALL.iter().filter(|backend| backend.runs_here()) {
        let rows: Vec<u32> = flat::search_with(*backend, &vectors, Metric::L2, &[0.5], 700)
            .hits
            .iter()
            .map(|hit| hit.row)
            .collect();
        assert_eq!(rows, (0..700).collect::<Vec<_>>(), "{}", backend.name());
    }
}

#[test]
fn a_row_that_is_nearer_by_one_bit_is_found() {
    let far = [2.0, 0.0];
    let near = [1.0, f32::EPSILON.sqrt()];
    let nearest = [1.0, 0.0];
    // Rows are looked at in fours.
    let mut rows = [far; 12];
    (rows[1], rows[6]) = (near, nearest);
    let vectors = matrix(2, rows.as_flattened());
    for backend in Backend::ALL.iter().filter(|backend| backend.runs_here()) {
        let hits = flat::search_with(*backend, &vectors, Metric::L2, &[0.0; 2], 2).hits;
        assert_eq!(hits[0].distance + 1, hits[1].distance);
        let hits = flat::search_with(*backend, &vectors, Metric::L2, &[0.0; 2], 1).hits;
        assert_eq!(hits[0].row, 6, "{}", backend.name());
    }
}

#[test]
fn distances_that_overflow_come_last_and_in_row_order() {
    let vectors = matrix(2, &[f32::MAX, f32::MAX, 0.0, 0.0, f32::MIN, 0.0]);
    let hits = flat::search(&vectors, Metric::L2, &[0.0, 0.0], 3).hits;
    assert_eq!(
        hits.iter().map(|hit| hit.row).collect::<Vec<_>>(),
        [1, 0, 2]
    );
    assert_eq!(hits[2].distance(), f32::INFINITY);
}

#[test]
fn recall_by_row_and_by_distance() {
    let hit = |row, distance: f32| Hit {
        row,
        distance: distance.to_bits(),
    };
    let truth = [hit(1, 1.0), hit(2, 2.0)];
    assert_eq!(recall::by_row(&truth, &truth), 1.0);
    let other_end_of_a_tie = [hit(1, 1.0), hit(3, 2.0)];
    assert_eq!(recall::by_row(&truth, &other_end_of_a_tie), 0.5);
    assert_eq!(recall::by_distance(&truth, &other_end_of_a_tie), 1.0);
    let one_worse = [hit(1, 1.0), hit(3, 2.5)];
    assert_eq!(recall::by_distance(&truth, &one_worse), 0.5);
    assert_eq!(recall::by_row(&truth, &[]), 0.0);
}

proptest! {
    /// Tries few distinct values, so that many rows tie.
    #[test]
    fn the_answer_is_that_of_sorting_everything(
        dim in 1usize..40,
        values in prop::collection::vec(prop::sample::select(vec![0.0f32, -0.0, 1.0, -1.0, 0.5, 1e-40]), 40..4000),
        k in 1usize..100,
    ) {
        let vectors = matrix(dim, &values);
        let k = k.min(vectors.rows());
        let query = &values[..dim];
        for metric in Metric::ALL {
            let expected = by_sorting(&vectors, metric, query, k);
            for backend in Backend::ALL.iter().filter(|backend| backend.runs_here()) {
                let found = flat::search_with(*backend, &vectors, metric, query, k);
                prop_assert_eq!(&found.hits, &expected, "{} {}", backend.name(), metric);
            }
        }
    }
}
