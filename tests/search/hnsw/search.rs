// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fast search and the plain one answer alike, on graphs of the builder and on graphs that no builder makes.

use rand_core::Rng;
use rand_pcg::Pcg64;
use vexfs::anns::hnsw::Parameters;
use vexfs::anns::index::{Index, Kind};
use vexfs::anns::{Metric, flat};
use vexfs::dataset::Matrix;

use crate::hnsw::file::File;
use crate::hnsw::reference;
use crate::hnsw::vectors::{below, build, first, matrix, random, unit};

/// Compares the answers of an index of the first rows, which `change` changes.
fn compare(
    covered: usize,
    rows: &Matrix,
    queries: &Matrix,
    metric: Metric,
    parameters: Parameters,
    change: impl FnOnce(&mut File),
) {
    let mut file = File(build(&first(rows, covered), metric, parameters).to_vec());
    change(&mut file);
    let file = file;
    let index = Index::parse(file.clone().seal(), Kind::Hnsw).unwrap();
    for query in queries.iter() {
        for (k, effort) in [
            (1, 0),
            (1, 1),
            (2, 3),
            (10, 10),
            (10, 33),
            (7, 100),
            (100, 65_536),
        ] {
            let k = k.min(rows.rows());
            assert_eq!(
                index.search(rows, query, k, effort),
                reference::search(&file, rows, query, k, effort as usize),
                "{covered} of {rows:?}, {metric}, k {k}, effort {effort}"
            );
        }
    }
}

fn parameters(m: usize) -> Parameters {
    Parameters {
        m,
        ef_construction: 40,
        ef_search: 13,
    }
}

#[test]
fn rows_of_any_dimension() {
    let mut random = random(1);
    for (dim, count) in [
        (1, 300),
        (3, 400),
        (16, 500),
        (17, 600),
        (64, 300),
        (128, 800),
        (4000, 30),
        (40_000, 12),
    ] {
        let rows = matrix(count, dim, || unit(&mut random));
        let queries = matrix(5, dim, || unit(&mut random));
        for metric in Metric::ALL {
            compare(count, &rows, &queries, metric, parameters(4), |_| ());
            compare(
                count - count / 7,
                &rows,
                &queries,
                metric,
                parameters(16),
                |_| (),
            );
        }
    }
}

#[test]
fn hardly_any_rows() {
    let mut random = random(2);
    for count in 1..=12 {
        let rows = matrix(count + 2, 5, || unit(&mut random));
        let queries = matrix(3, 5, || unit(&mut random));
        for metric in Metric::ALL {
            for m in [2, 128] {
                for covered in [count, count + 2] {
                    compare(covered, &rows, &queries, metric, parameters(m), |_| ());
                }
            }
        }
    }
}

/// Many rows at the same distance, rows of no length, and lengths beyond all floats.
#[test]
fn ties_zeros_and_extremes() {
    let mut random = random(3);
    for values in [
        &[0.0f32, 1.0][..],
        &[0.0, -0.0],
        &[f32::MAX, f32::MIN, 0.0, 1e30],
        &[1e-45, 0.0, 1e-20],
    ] {
        let mut value = || values[below(&mut random, values.len())];
        let rows = matrix(400, 6, &mut value);
        let queries = matrix(4, 6, &mut value);
        for metric in Metric::ALL {
            compare(350, &rows, &queries, metric, parameters(3), |_| ());
        }
    }
}

/// Links to anywhere, to the node itself, to one node twice; rows, codes and quantizer at random.
#[test]
fn graphs_that_no_builder_makes() {
    let mut random = random(4);
    for metric in Metric::ALL {
        for round in 0..20 {
            let count = 20 + below(&mut random, 300);
            // Two crowds far from each other: codes do not tell the rows of a crowd apart, so there are none.
            let far = if round % 2 == 0 { 0.0 } else { 1e6 };
            let mut element = || unit(&mut random) + [far, -far][below(&mut random, 2)];
            let rows = matrix(count, 3, &mut element);
            let queries = matrix(3, 3, &mut element);
            compare(
                count,
                &rows,
                &queries,
                metric,
                parameters(2 + round % 5),
                |file| {
                    scramble(file, &mut random);
                },
            );
        }
    }
}

fn scramble(file: &mut File, random: &mut Pcg64) {
    let rows = file.u64(24) as usize;
    let (m, m0, levels) = (file.param(0), file.param(1), file.param(3));
    let mut lists = vec![(file.section(3), m0, rows)];
    let mut at = file.section(4);
    for level in 1..levels {
        let nodes = file.param(3 + level);
        lists.push((at, m, nodes));
        at += 4 * m * nodes;
    }
    for (start, width, nodes) in lists {
        for node in 0..nodes {
            let taken = below(random, width + 1);
            for place in 0..width {
                let neighbour = if place < taken {
                    below(random, nodes) as u32
                } else {
                    u32::MAX
                };
                file.set_u32(start + 4 * (node * width + place), neighbour);
            }
        }
    }
    for node in (1..rows).rev() {
        let other = below(random, node + 1);
        let [a, b] = [node, other].map(|node| file.section(1) + 4 * node);
        let (row_a, row_b) = (file.u32(a), file.u32(b));
        file.set_u32(a, row_b);
        file.set_u32(b, row_a);
    }
    if file.u32(256) == 1 {
        return;
    }
    let codes = file.section(2);
    for node in 0..rows {
        for d in 0..3 {
            file.0[codes + 64 * node + d] = (random.next_u32() as i8).max(-127) as u8;
        }
    }
}

#[test]
fn an_effort_of_all_rows_finds_what_flat_search_finds() {
    let mut random = random(5);
    let rows = matrix(500, 8, || unit(&mut random));
    for metric in Metric::ALL {
        let index = Index::parse(build(&rows, metric, parameters(8)), Kind::Hnsw).unwrap();
        for query in matrix(10, 8, || unit(&mut random)).iter() {
            assert_eq!(
                index.search(&rows, query, 20, 500).hits,
                flat::search(&rows, metric, query, 20).hits
            );
        }
    }
}
