// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every implementation of the distance gives the bits of the scalar reference.

use std::io::Write;

use proptest::prelude::*;
use rand_core::Rng;
use rand_pcg::Pcg64;
use vexfs::anns::distance::{Backend, LANES, Query, Rows};
use vexfs::anns::topk::TopK;
use vexfs::anns::{Hit, Metric};
use vexfs::dataset::length;

/// Rows searched at once: enough for whole groups and for the rows that are left over.
const ROWS: usize = 7;
/// The dimensions that are tried: past several multiples of 16, and past 1024.
const DIMENSIONS: std::ops::RangeInclusive<usize> = 1..=1030;

/// Floats in storage that is deliberately off a cache line by `offset` elements.
struct Unaligned {
    storage: Vec<f32>,
    start: usize,
}

impl Unaligned {
    fn new(values: impl IntoIterator<Item = f32>, offset: usize) -> Self {
        let values: Vec<f32> = values.into_iter().collect();
        let mut storage = vec![f32::NAN; values.len() + 2 * LANES];
        let start = storage.as_ptr().align_offset(64) + offset;
        storage[start..start + values.len()].copy_from_slice(&values);
        Unaligned {
            start,
            storage: {
                storage.truncate(start + values.len());
                storage
            },
        }
    }

    fn get(&self) -> &[f32] {
        &self.storage[self.start..]
    }
}

/// Rows of `dim` values from `source`, each padded with zeros to a whole number of steps.
fn padded(rows: usize, dim: usize, mut source: impl FnMut() -> f32) -> Vec<f32> {
    let mut values = Vec::new();
    for _ in 0..rows {
        values.extend((0..dim).map(|_| source()));
        values.resize(values.len().next_multiple_of(LANES), 0.0);
    }
    values
}

/// The bits of the distance of each row by each metric, with all rows in order and with rows here and there.
fn bits(backend: Backend, query: &[f32], rows: &[f32]) -> Vec<u32> {
    let count = rows.len() / query.len();
    let inverse: Vec<f32> = rows
        .chunks_exact(query.len())
        .map(length::inverse)
        .collect();
    let rows = Rows::new(rows, &inverse);
    let mut bits = Vec::new();
    for metric in Metric::ALL {
        let query = Query::new(metric, query);
        let mut all = TopK::new(count);
        backend.scan(&query, rows, 0..count, &mut all);
        let mut hits = all.into_hits();
        hits.sort_by_key(|hit| hit.row);
        assert!(hits.iter().map(|hit| hit.row).eq(0..count as u32));

        for stride in 1..=count {
            let chosen: Vec<u32> = (0..count as u32).rev().step_by(stride).collect();
            let mut some = TopK::new(count);
            backend.gather(&query, rows, &chosen, &mut some);
            let mut found = some.into_hits();
            found.sort_by_key(|hit| std::cmp::Reverse(hit.row));
            let expected: Vec<Hit> = chosen.iter().map(|row| hits[*row as usize]).collect();
            assert_eq!(found, expected, "{} {metric}", backend.name());
        }
        bits.extend(hits.iter().map(|hit| hit.distance));
    }
    bits
}

/// Checks every implementation that this machine can run over every dimension and every misalignment, on values from
/// `source`. Those that it cannot run are named: their agreement is not shown by a pass.
fn all_agree_everywhere(source: impl Fn(&mut Pcg64) -> f32) {
    for backend in Backend::ALL {
        if backend.runs_here() {
            agrees_everywhere(*backend, &source);
        } else {
            // Not by eprintln!, which tests hide when they pass.
            let note = format!("NOT RUN: this machine has no {}\n", backend.name());
            std::io::stderr().write_all(note.as_bytes()).unwrap();
        }
    }
}

fn agrees_everywhere(backend: Backend, source: impl Fn(&mut Pcg64) -> f32) {
    let mut random = Pcg64::new(1, 1);
    for dim in DIMENSIONS {
        let offset = dim % LANES;
        let query = Unaligned::new(padded(1, dim, || source(&mut random)), offset);
        let rows = Unaligned::new(
            padded(ROWS, dim, || source(&mut random)),
            (offset * 5 + 3) % LANES,
        );
        assert_eq!(
            bits(backend, query.get(), rows.get()),
            bits(Backend::Scalar, query.get(), rows.get()),
            "{} in dimension {dim}",
            backend.name()
        );
    }
}

/// Numbers whose sums round at nearly every step, so that another order of additions shows.
fn ordinary(random: &mut Pcg64) -> f32 {
    (random.next_u32() as f32 / 1e9 - 2.0)
        * if random.next_u32().is_multiple_of(8) {
            1e4
        } else {
            1.0
        }
}

/// Any finite bit pattern: every exponent, subnormals, both zeros; distances that overflow.
fn any_finite(random: &mut Pcg64) -> f32 {
    loop {
        let value = f32::from_bits(random.next_u32());
        if value.is_finite() {
            return value;
        }
    }
}

/// Differences around the smallest numbers, whose squares vanish or are subnormal.
fn tiny(random: &mut Pcg64) -> f32 {
    let sign = random.next_u32() << 31;
    match random.next_u32() % 3 {
        0 => f32::from_bits(sign),
        1 => f32::from_bits(sign | random.next_u32() >> 9),
        _ => f32::from_bits(sign | (52 << 23) | random.next_u32() >> 9),
    }
}

#[test]
fn those_that_run_here_agree_on_ordinary_numbers() {
    all_agree_everywhere(ordinary);
}

#[test]
fn those_that_run_here_agree_on_all_finite_numbers() {
    all_agree_everywhere(any_finite);
}

#[test]
fn those_that_run_here_agree_on_subnormals_and_zeros() {
    all_agree_everywhere(tiny);
}

/// The reduction tree by hand: one value in each lane, chosen so that any other order rounds differently.
#[test]
fn the_reference_reduces_in_the_documented_tree() {
    let lane = |j: usize| 1.0 / (j as f32 + 3.0);
    let query: Vec<f32> = (0..16).map(lane).collect();
    let s: Vec<f32> = query.iter().map(|q| q * q).collect();
    let expected = (((s[0] + s[8]) + (s[4] + s[12])) + ((s[2] + s[10]) + (s[6] + s[14])))
        + (((s[1] + s[9]) + (s[5] + s[13])) + ((s[3] + s[11]) + (s[7] + s[15])));
    assert_eq!(
        bits(Backend::Scalar, &query, &[0.0; 16])[0],
        expected.to_bits()
    );
    let inner_product = bits(Backend::Scalar, &query, &query)[1];
    assert_eq!(inner_product, (0.0 - expected).to_bits());
    let in_order: f32 = s.iter().sum();
    assert_ne!(
        in_order.to_bits(),
        expected.to_bits(),
        "these values would not show another order"
    );
}

#[test]
#[should_panic(expected = "rows of another dimension")]
fn rows_that_do_not_fit_the_query_are_refused() {
    let query = Query::new(Metric::L2, &[0.0; 32]);
    Backend::best().scan(&query, Rows::new(&[0.0; 48], &[]), 0..1, &mut TopK::new(1));
}

proptest! {
    #[test]
    fn all_agree_on_whatever_proptest_thinks_of(
        dim in DIMENSIONS,
        offsets in (0..LANES, 0..LANES),
        seed: u64,
        special in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, 1..40),
    ) {
        let mut random = Pcg64::new(seed.into(), 0);
        let mut pick = || special[random.next_u32() as usize % special.len()];
        let query = Unaligned::new(padded(1, dim, &mut pick), offsets.0);
        let rows = Unaligned::new(padded(ROWS, dim, &mut pick), offsets.1);
        let expected = bits(Backend::Scalar, query.get(), rows.get());
        for backend in Backend::ALL.iter().filter(|backend| backend.runs_here()) {
            prop_assert_eq!(bits(*backend, query.get(), rows.get()), expected.clone(), "{}", backend.name());
        }
    }
}
