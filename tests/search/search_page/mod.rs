// SPDX-License-Identifier: MIT OR Apache-2.0
//! IVF, PQ and LSH search as `docs/search.md` says. The fast code is held against a naive one, on rows that are hard in
//! different ways.

mod reference;

use rand_core::Rng;
use rand_pcg::Pcg64;
use vexfs::anns::index::{self, Among, Index, Parameters, Unobserved};
use vexfs::anns::{Metric, ivf, lsh, pq};
use vexfs::dataset::Matrix;

fn build(rows: &Matrix, metric: Metric, parameters: &Parameters, seed: u64) -> Index {
    let bytes = index::build(rows, metric, parameters, seed, 1, &Unobserved).unwrap();
    Index::parse(bytes, parameters.kind()).unwrap()
}

fn search(index: &Index, rows: &Matrix, query: &[f32], k: usize, effort: u32) -> reference::Found {
    let changes = index.changes(rows).unwrap();
    let among = Among {
        filter: None,
        changes: Some(&changes).filter(|changes| changes.rows() > 0),
    };
    let answer = index.search_among(rows, query, k, effort, among);
    let hits = answer.hits.iter().map(|hit| (hit.row, hit.distance));
    (hits.collect(), answer.evaluated)
}

/// Values of one row after the other.
type Source = fn(&mut Pcg64, usize) -> Vec<f32>;

fn uniform(random: &mut Pcg64) -> f32 {
    (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

const SOURCES: &[(&str, Source)] = &[
    ("ordinary", |random, dim| {
        (0..dim).map(|_| uniform(random) * 3.0 + 1.0).collect()
    }),
    ("clusters", |random, dim| {
        let centre = random.next_u32() % 5;
        (0..dim as u32)
            .map(|d| ((d * 7 + centre * 13) % 11) as f32 + uniform(random) / 4.0)
            .collect()
    }),
    ("duplicates and zero vectors", |random, dim| {
        let value = [0.0, -0.0, 1.0, 1.0, -2.0][random.next_u32() as usize % 5];
        vec![value; dim]
    }),
    ("any finite", |random, dim| {
        let finite = |random: &mut Pcg64| loop {
            let value = f32::from_bits(random.next_u32());
            if value.is_finite() {
                return value;
            }
        };
        (0..dim).map(|_| finite(random)).collect()
    }),
    ("overflows", |random, dim| {
        let largest = [f32::MAX, f32::MIN, 1e19, -1e19, 0.0];
        (0..dim)
            .map(|_| largest[random.next_u32() as usize % 5])
            .collect()
    }),
    ("subnormal", |random, dim| {
        (0..dim)
            .map(|_| f32::from_bits(random.next_u32() & 0x801f_ffff))
            .collect()
    }),
];

fn check(parameters: &[Parameters], dims: &[usize], sizes: &[usize], efforts: &[u32]) {
    let mut random = Pcg64::new(3, 1);
    let mut compared = 0;
    for parameters in parameters {
        for &dim in dims {
            for &size in sizes {
                for (name, source) in SOURCES {
                    for metric in Metric::ALL {
                        let tail = random.next_u32() as usize % 3;
                        let mut values: Vec<Vec<f32>> =
                            (0..size + tail).map(|_| source(&mut random, dim)).collect();
                        let mut rows = Matrix::new(dim);
                        values[..size].iter().for_each(|row| rows.push(row));
                        let seed = random.next_u64();
                        let index = build(&rows, metric, parameters, seed);
                        values[size..].iter().for_each(|row| rows.push(row));
                        let changed = match size > 256 && random.next_u32().is_multiple_of(2) {
                            // One block of two or more.
                            true => 1 + random.next_u32() as usize % 3,
                            false => 0,
                        };
                        for _ in 0..changed {
                            let row = random.next_u32() as usize % 256;
                            values[row] = source(&mut random, dim);
                            rows.set(row, &values[row]);
                        }
                        let file = reference::File(index.bytes());
                        for &effort in efforts {
                            let k = [1, 3, 10, 100][random.next_u32() as usize % 4];
                            let query = match random.next_u32() % 3 {
                                0 => values[random.next_u32() as usize % values.len()].clone(),
                                _ => source(&mut random, dim),
                            };
                            assert_eq!(
                                search(&index, &rows, &query, k, effort),
                                reference::search(&file, &values, &query, k, effort),
                                "{parameters:?} of {size} + {tail} {name} rows, {changed} changed, of dimension {dim}, \
                                 {metric}, k {k}, effort {effort}, query {query:?}"
                            );
                            compared += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(compared > 30, "only {compared} searches were compared");
}

#[test]
fn pq_is_as_the_page_says() {
    let with = |m, rerank| Parameters::Pq(pq::Parameters { m, rerank });
    let efforts = [0, 1, 2, 20, 150, 65536];
    check(
        &[with(None, 20), with(Some(2), 7)],
        &[1, 3, 16, 17],
        &[1, 31, 33, 500],
        &efforts,
    );
    check(
        &[with(None, 100), with(Some(6), 1), with(Some(256), 9)],
        &[128],
        &[70, 600],
        &efforts,
    );
    check(&[with(None, 10)], &[4000], &[40], &efforts);
}

#[test]
fn lsh_is_as_the_page_says() {
    let with = |tables, hashes, bits, width, probes| {
        Parameters::Lsh(lsh::Parameters {
            tables,
            hashes,
            bits,
            width,
            probes,
        })
    };
    let some = [
        with(1, 1, None, 4.0, 1),
        with(4, 5, Some(3), 1.0, 3),
        with(2, 8, Some(18), 0.5, 7),
    ];
    check(
        &some[..2],
        &[1, 3, 16, 17],
        &[1, 100, 500],
        &[0, 1, 2, 30, 65536],
    );
    check(&some[1..], &[128], &[300], &[0, 1, 10, 400, 65536]);
    check(&some[1..2], &[4000], &[40], &[0, 5]);
}

#[test]
fn ivf_is_as_the_page_says() {
    let with = |nlist, nprobe, rerank| {
        Parameters::Ivf(ivf::Parameters {
            nlist,
            nprobe,
            rerank,
        })
    };
    let some = [
        with(None, 2, 5),
        with(Some(1), 1, 1),
        with(Some(65_536), 3, 50),
    ];
    let efforts = [0, 1, 2, 20, 65_536];
    check(&some, &[1, 3, 16, 17], &[1, 31, 300], &efforts);
    check(&some[..1], &[64, 65, 128], &[500], &efforts);
    check(&some[2..], &[4000], &[40], &[0, 10]);
}
