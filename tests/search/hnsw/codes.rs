// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every implementation of the code distances gives what the scalar one gives.

use std::io::Write;

use rand_core::Rng;
use vexfs::anns::code::{Codes, Query, stride};
use vexfs::anns::distance::Backend;
use vexfs::anns::topk::TopK;
use vexfs::anns::{Metric, key};

use crate::hnsw::vectors::{below, random};

#[test]
fn those_that_run_here_agree() {
    let mut random = random(1);
    for backend in Backend::ALL {
        if !backend.runs_here() {
            // Not by eprintln!, which tests hide when they pass.
            let note = format!("NOT RUN: this machine has no {}\n", backend.name());
            std::io::stderr().write_all(note.as_bytes()).unwrap();
            continue;
        }
        for dim in [1, 31, 64, 65, 128, 200, 1024, 4000, 32_768] {
            for extreme in [false, true] {
                let mut draw = |count: usize| -> Vec<i8> {
                    let mut codes = vec![0; count * stride(dim)];
                    for codes in codes.chunks_exact_mut(stride(dim)) {
                        for code in &mut codes[..dim] {
                            let drawn = random.next_u32();
                            *code = match extreme {
                                true => [-127, 127][drawn as usize % 2],
                                false => (drawn as i8).max(-127),
                            };
                        }
                    }
                    codes
                };
                let (vectors, query) = (draw(23), draw(1));
                let codes = Codes::new(&vectors, stride(dim));
                for metric in Metric::ALL {
                    compare(*backend, &Query::new(metric, &query), codes, &mut |end| {
                        below(&mut random, end)
                    });
                }
            }
        }
    }
}

fn compare(backend: Backend, query: &Query, codes: Codes, below: &mut impl FnMut(usize) -> usize) {
    let all: Vec<u32> = (0..codes.len() as u32).collect();
    let mut expected = vec![0; all.len()];
    Backend::Scalar.code_gather(query, codes, &all, &mut expected);
    for count in 0..=all.len() {
        let nodes: Vec<u32> = (0..count).map(|_| below(all.len()) as u32).collect();
        let mut found = vec![0; count];
        backend.code_gather(query, codes, &nodes, &mut found);
        let expected: Vec<u32> = nodes.iter().map(|node| expected[*node as usize]).collect();
        assert_eq!(found, expected, "{}", backend.name());
    }
    for start in 0..all.len() {
        let end = start + below(all.len() - start + 1);
        let k = 1 + below(all.len());
        let mut keys: Vec<u64> = (start..end)
            .map(|node| key(expected[node], node as u32))
            .collect();
        keys.sort_unstable();
        keys.truncate(k);
        let mut nearest = TopK::new(k);
        backend.code_scan(query, codes, start as u32..end as u32, &mut nearest);
        assert_eq!(nearest.into_keys(), keys, "{}", backend.name());
    }
}

#[test]
#[should_panic(expected = "out of range")]
fn nodes_that_are_not_there_are_refused() {
    let codes = [0; 128];
    let query = Query::new(Metric::L2, &codes[..64]);
    Backend::best().code_gather(&query, Codes::new(&codes, 64), &[2], &mut [0]);
}
