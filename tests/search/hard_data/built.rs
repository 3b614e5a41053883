// SPDX-License-Identifier: MIT OR Apache-2.0
//! What indexes that were built of such data find.

use rand_core::Rng;
use rand_pcg::Pcg64;
use vexfs::anns::index::{self, Index, Kind, Parameters, Unobserved, Wanted};
use vexfs::anns::{Metric, flat, hnsw, recall};
use vexfs::dataset::Matrix;

use super::{Data, QUERIES, SETS, WANTED, built, defaults, matrix, recall as recall_of};

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
            let recall = recall_of(&index, &rows, &queries);
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
