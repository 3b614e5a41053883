// SPDX-License-Identifier: MIT OR Apache-2.0
//! `docs/search.md`, as plainly as it can be said.

use std::collections::{BTreeSet, HashSet};

use vexfs::anns::distance::Backend;
use vexfs::anns::{Answer, Hit, Metric, flat, order};
use vexfs::dataset::Matrix;

use crate::hnsw::file::File;

const NONE: u32 = u32::MAX;

pub fn search(file: &File, rows: &Matrix, query: &[f32], k: usize, effort: usize) -> Answer {
    let graph = Graph(file);
    let metric = graph.metric();
    let effort = if effort == 0 {
        file.u32(56) as usize
    } else {
        effort
    };
    let all = flat::search_with(Backend::Scalar, rows, metric, query, rows.rows()).hits;
    let exact = file.u32(256) == 1;
    let query_codes = match exact {
        true => Vec::new(),
        false => graph.query_codes(query),
    };
    let distance = |node: u32| match exact {
        true => {
            let hit = all.iter().find(|hit| hit.row == graph.row(node)).unwrap();
            order(hit.distance()) >> 1
        }
        false => graph.distance(&query_codes, node),
    };
    let key = |node: u32| u64::from(distance(node)) << 32 | u64::from(node);

    let mut current = 0;
    for level in (1..graph.levels()).rev() {
        loop {
            let nearest = graph
                .neighbours(level, current)
                .into_iter()
                .min_by_key(|node| key(*node));
            match nearest {
                Some(nearest) if key(nearest) < key(current) => current = nearest,
                _ => break,
            }
        }
    }

    let ef = effort.max(k).min(graph.rows());
    let mut w = BTreeSet::from([key(current)]);
    let mut visited = HashSet::from([current]);
    let mut expanded = HashSet::new();
    while let Some(next) = w.iter().copied().find(|key| !expanded.contains(key)) {
        expanded.insert(next);
        for neighbour in graph.neighbours(0, next as u32) {
            if visited.insert(neighbour) {
                w.insert(key(neighbour));
            }
        }
        while w.len() > ef {
            w.pop_last();
        }
    }

    let candidates: HashSet<u32> = w
        .iter()
        .map(|key| graph.row(*key as u32))
        .chain(graph.rows() as u32..rows.rows() as u32)
        .collect();
    let hits: Vec<Hit> = all
        .into_iter()
        .filter(|hit| candidates.contains(&hit.row))
        .take(k)
        .collect();
    Answer {
        hits,
        evaluated: candidates.len() as u64,
    }
}

struct Graph<'a>(&'a File);

impl Graph<'_> {
    fn metric(&self) -> Metric {
        Metric::from_code(self.0.u32(16)).unwrap()
    }

    fn dim(&self) -> usize {
        self.0.u32(20) as usize
    }

    fn rows(&self) -> usize {
        self.0.u64(24) as usize
    }

    fn levels(&self) -> usize {
        self.0.param(3)
    }

    fn f32(&self, at: usize) -> f32 {
        f32::from_bits(self.0.u32(at))
    }

    fn row(&self, node: u32) -> u32 {
        self.0.u32(self.0.section(1) + 4 * node as usize)
    }

    fn neighbours(&self, level: usize, node: u32) -> Vec<u32> {
        let (m, m0) = (self.0.param(0), self.0.param(1));
        let (start, width) = if level == 0 {
            (self.0.section(3), m0)
        } else {
            let below: usize = (1..level).map(|level| self.0.param(3 + level)).sum();
            (self.0.section(4) + 4 * m * below, m)
        };
        (0..width)
            .map(|i| self.0.u32(start + 4 * (node as usize * width + i)))
            .take_while(|neighbour| *neighbour != NONE)
            .collect()
    }

    fn query_codes(&self, query: &[f32]) -> Vec<i64> {
        let rounded = |x: f32| x.clamp(-127.0, 127.0).round_ties_even() as i64;
        let quant = self.0.section(0);
        if self.metric() == Metric::L2 {
            let scale = self.f32(quant + 4 * self.dim().next_multiple_of(16));
            return query
                .iter()
                .enumerate()
                .map(|(d, q)| rounded((q - self.f32(quant + 4 * d)) * scale))
                .collect();
        }
        let inverse = match self.metric() {
            Metric::Cosine => inverse_length(query),
            _ => 1.0,
        };
        let y: Vec<f32> = query.iter().map(|q| q * inverse).collect();
        let peak = y.iter().map(|y| y.abs()).fold(0.0, f32::max);
        if peak.to_bits() < 0x0d80_0000 {
            return vec![0; query.len()];
        }
        let s = 127.0 / peak;
        y.iter().map(|y| rounded(y * s)).collect()
    }

    fn distance(&self, query: &[i64], node: u32) -> u32 {
        let start = self.0.section(2) + node as usize * self.dim().next_multiple_of(64);
        let codes = (0..self.dim()).map(|d| i64::from(self.0.0[start + d] as i8));
        let pairs = query.iter().zip(codes);
        let distance = if self.metric() == Metric::L2 {
            pairs.map(|(q, x)| (q - x) * (q - x)).sum()
        } else {
            (1 << 31) - pairs.map(|(q, x)| q * x).sum::<i64>()
        };
        u32::try_from(distance).unwrap()
    }
}

fn inverse_length(x: &[f32]) -> f32 {
    let mut s = [0f32; 16];
    for (d, x) in x.iter().enumerate() {
        s[d % 16] += x * x;
    }
    for half in [8, 4, 2, 1] {
        for j in 0..half {
            s[j] += s[j + half];
        }
    }
    if s[0] == 0.0 || s[0] == f32::INFINITY {
        0.0
    } else {
        1.0 / s[0].sqrt()
    }
}
