// SPDX-License-Identifier: MIT OR Apache-2.0
//! `docs/search.md` and `docs/arithmetic.md` for IVF, PQ and LSH, word for word, and as slow as that is. Whole lists
//! are sorted, and all sets of perturbations are made. Nothing of the library is used.

use std::collections::BTreeSet;

/// An index file, as `docs/index-format.md` lays it out.
pub struct File<'a>(pub &'a [u8]);

impl File<'_> {
    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap())
    }

    fn u64(&self, at: usize) -> usize {
        u64::from_le_bytes(self.0[at..at + 8].try_into().unwrap()) as usize
    }

    fn metric(&self) -> u32 {
        self.u32(16)
    }

    fn dim(&self) -> usize {
        self.u32(20) as usize
    }

    fn rows(&self) -> usize {
        self.u64(24)
    }

    fn effort(&self) -> usize {
        self.u32(56) as usize
    }

    fn param(&self, i: usize) -> usize {
        self.u32(64 + 4 * i) as usize
    }

    fn section(&self, i: usize) -> &[u8] {
        let at = 128 + 16 * i;
        &self.0[self.u64(at)..][..self.u64(at + 8)]
    }

    fn section_u32(&self, i: usize) -> Vec<u32> {
        let (words, _) = self.section(i).as_chunks();
        words.iter().map(|word| u32::from_le_bytes(*word)).collect()
    }

    fn section_f32(&self, i: usize) -> Vec<f32> {
        self.section_u32(i)
            .into_iter()
            .map(f32::from_bits)
            .collect()
    }
}

/// The answer as `(row, bits of the distance)`, and how many distances were computed in full.
pub type Found = (Vec<(u32, u32)>, u64);

pub fn search(file: &File, rows: &[Vec<f32>], query: &[f32], k: usize, effort: u32) -> Found {
    let effort = match effort {
        0 => file.effort(),
        effort => effort as usize,
    };
    let changed: Vec<bool> = changed(file, rows);
    let as_it_was = |row: &u32| !changed[*row as usize];
    let (n, a) = (
        file.rows(),
        changed.iter().filter(|changed| !**changed).count(),
    );
    let unchanged = || (0..n as u32).filter(as_it_was).collect::<Vec<_>>();
    let mut given_up = 0;
    let chosen = if a == n {
        choose(file, query, k, effort)
    } else if a * a <= 16 * n * effort.max(k) {
        unchanged()
    } else {
        let more = |much: usize| (much * n).div_ceil(a);
        let mut some = choose(file, query, more(k), more(effort).min(65_536));
        some.retain(as_it_was);
        if some.len() < k.min(a) {
            given_up = some.len();
            some = unchanged();
        }
        some
    };
    let looked_at: Vec<u32> = chosen
        .into_iter()
        .chain((0..n as u32).filter(|row| !as_it_was(row)))
        .chain(n as u32..rows.len() as u32)
        .collect();
    let mut keys: Vec<(u32, u32, u32)> = looked_at
        .iter()
        .map(|row| {
            let distance = distance(file.metric(), query, &rows[*row as usize]);
            (order(distance), *row, distance.to_bits())
        })
        .collect();
    keys.sort_unstable();
    let hits = keys.iter().take(k).map(|(_, row, bits)| (*row, *bits));
    (hits.collect(), (looked_at.len() + given_up) as u64)
}

/// The candidates of the kind.
fn choose(file: &File, query: &[f32], k: usize, effort: usize) -> Vec<u32> {
    match file.u32(12) {
        2 => ivf(file, query, k, effort),
        3 => pq(file, query, k, effort),
        4 => lsh(file, query, effort),
        _ => unreachable!(),
    }
}

/// Which of the covered rows lie in a block that is no longer what it was.
fn changed(file: &File, rows: &[Vec<f32>]) -> Vec<bool> {
    let blocks = file.section_u32(file.u32(60) as usize - 1);
    let covered = rows[..file.rows()].chunks(256);
    let changed = covered.zip(blocks).flat_map(|(block, known)| {
        let elements = block.iter().flatten();
        let bytes: Vec<u8> = elements.flat_map(|element| element.to_le_bytes()).collect();
        vec![crate::hnsw::file::crc(&bytes) != known; block.len()]
    });
    changed.collect()
}

fn order(distance: f32) -> u32 {
    let bits = distance.to_bits();
    if bits & 0x8000_0000 != 0 {
        !bits
    } else {
        bits ^ 0x8000_0000
    }
}

fn reduce(terms: impl Iterator<Item = f32>) -> f32 {
    let mut s = [0f32; 16];
    for (i, term) in terms.enumerate() {
        s[i % 16] += term;
    }
    let t: Vec<f32> = (0..8).map(|j| s[j] + s[j + 8]).collect();
    let u: Vec<f32> = (0..4).map(|j| t[j] + t[j + 4]).collect();
    let v: Vec<f32> = (0..2).map(|j| u[j] + u[j + 2]).collect();
    v[0] + v[1]
}

/// A vector padded with zeros to a whole number of steps.
fn padded(x: &[f32]) -> Vec<f32> {
    let mut x = x.to_vec();
    x.resize(x.len().next_multiple_of(16), 0.0);
    x
}

fn squared_l2(q: &[f32], x: &[f32]) -> f32 {
    reduce(padded(q).iter().zip(padded(x)).map(|(q, x)| {
        let d = q - x;
        d * d
    }))
}

fn dot(q: &[f32], x: &[f32]) -> f32 {
    reduce(padded(q).iter().zip(padded(x)).map(|(q, x)| q * x))
}

fn inverse(x: &[f32]) -> f32 {
    let n = dot(x, x);
    if n == 0.0 || n == f32::INFINITY {
        0.0
    } else {
        1.0 / n.sqrt()
    }
}

fn distance(metric: u32, q: &[f32], x: &[f32]) -> f32 {
    let distance = match metric {
        0 => squared_l2(q, x),
        1 => 0.0 - dot(q, x),
        _ => 1.0 - (dot(q, x) * inverse(q)) * inverse(x),
    };
    if distance.is_nan() {
        f32::INFINITY
    } else {
        distance
    }
}

fn direction(q: &[f32]) -> Vec<f32> {
    let inverse = inverse(q);
    q.iter().map(|q| q * inverse).collect()
}

fn rne(x: f32) -> i64 {
    x.round_ties_even() as i64
}

fn ivf(file: &File, query: &[f32], k: usize, effort: usize) -> Vec<u32> {
    let (nlist, rerank) = (file.param(0), file.param(1));
    let dim = file.dim();
    let centroids = file.section_f32(0);
    let starts = file.section_u32(2);
    let row_of = file.section_u32(3);

    let (stride, code_stride) = (dim.next_multiple_of(16), dim.next_multiple_of(64));
    let nearness = file.metric().min(1);
    let mut lists: Vec<(u32, usize)> = (0..nlist)
        .map(|list| {
            let centroid = &centroids[list * stride..][..dim];
            (order(distance(nearness, query, centroid)), list)
        })
        .collect();
    lists.sort_unstable();
    if file.u32(256) == 1 {
        let rows = lists.iter().take(effort.min(nlist)).flat_map(|(_, list)| {
            (starts[*list]..starts[list + 1]).map(|node| row_of[node as usize])
        });
        return rows.collect();
    }

    let quant = file.section_f32(1);
    let codes = file.section(4);
    let (offset, scale) = (&quant[..dim], quant[stride]);
    let code = |x: f32| rne(x.clamp(-127.0, 127.0));
    let query_code: Vec<i64> = if file.metric() == 0 {
        let moved = query.iter().zip(offset);
        moved
            .map(|(q, offset)| code((q - offset) * scale))
            .collect()
    } else {
        let y = match file.metric() {
            1 => query.to_vec(),
            _ => direction(query),
        };
        let peak = y.iter().fold(0f32, |peak, y| peak.max(y.abs()));
        let s = 127.0 / peak;
        let small = peak < 2f32.powi(-100);
        y.iter()
            .map(|y| if small { 0 } else { code(y * s) })
            .collect()
    };
    let mut nodes: Vec<(i64, usize)> = Vec::new();
    for (_, list) in lists.iter().take(effort.min(nlist)) {
        for node in starts[*list] as usize..starts[list + 1] as usize {
            let codes = &codes[node * code_stride..][..dim];
            let pairs = query_code
                .iter()
                .zip(codes.iter().map(|c| i64::from(*c as i8)));
            let distance = match file.metric() {
                0 => pairs.map(|(a, b)| (a - b) * (a - b)).sum::<i64>(),
                _ => (1 << 31) - pairs.map(|(a, b)| a * b).sum::<i64>(),
            };
            nodes.push((distance, node));
        }
    }
    nodes.sort_unstable();
    let wanted = rerank.max(2 * k);
    nodes
        .iter()
        .take(wanted)
        .map(|(_, node)| row_of[*node])
        .collect()
}

fn pq(file: &File, query: &[f32], k: usize, effort: usize) -> Vec<u32> {
    let (m, sub) = (file.param(0), file.param(2));
    let codebook = file.section_f32(0);
    let codes = file.section(1);
    let mut y = match file.metric() {
        2 => direction(query),
        _ => query.to_vec(),
    };
    y.resize(m * sub, 0.0);
    let t: Vec<Vec<f32>> = (0..m)
        .map(|s| {
            (0..16)
                .map(|c| {
                    let mut t = 0f32;
                    for j in 0..sub {
                        let (y, c) = (y[s * sub + j], codebook[(s * 16 + c) * sub + j]);
                        t += if file.metric() == 0 {
                            (y - c) * (y - c)
                        } else {
                            y * c
                        };
                    }
                    if file.metric() == 0 { t } else { 0.0 - t }
                })
                .collect()
        })
        .collect();
    let mut table = vec![vec![0; 16]; m];
    if t.iter().flatten().all(|t| t.is_finite()) {
        let lowest: Vec<f32> = t
            .iter()
            .map(|t| t.iter().copied().fold(f32::INFINITY, f32::min))
            .collect();
        let highest = t
            .iter()
            .map(|t| t.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let spans = highest
            .zip(&lowest)
            .map(|(highest, lowest)| highest - lowest);
        let span = spans.fold(0f32, f32::max);
        if span.is_finite() && span >= 2f32.powi(-100) {
            let scale = 255.0 / span;
            for s in 0..m {
                for c in 0..16 {
                    table[s][c] = rne((t[s][c] - lowest[s]) * scale).min(255);
                }
            }
        }
    }
    let mut sums: Vec<(i64, usize)> = (0..file.rows())
        .map(|row| {
            let sum = (0..m)
                .map(|s| {
                    let byte = codes[(row / 32 * (m / 2) + s / 2) * 32 + row % 32];
                    let code = if s % 2 == 0 { byte & 15 } else { byte >> 4 };
                    table[s][usize::from(code)]
                })
                .sum();
            (sum, row)
        })
        .collect();
    sums.sort_unstable();
    sums.iter()
        .take(effort.max(k))
        .map(|(_, row)| *row as u32)
        .collect()
}

fn lsh(file: &File, query: &[f32], effort: usize) -> Vec<u32> {
    let (tables, hashes, bits) = (file.param(0), file.param(1), file.param(2));
    let stride = file.dim().next_multiple_of(16);
    let projections = file.section_f32(0);
    let bias = file.section_f32(1);
    let starts = file.section_u32(2);
    let buckets = file.section_u32(3);
    let y = match file.metric() {
        0 => query.to_vec(),
        _ => direction(query),
    };
    let mut candidates = BTreeSet::new();
    for table in 0..tables {
        let places: Vec<(i32, i64)> = (0..hashes)
            .map(|i| {
                let i = table * hashes + i;
                let v = dot(&projections[i * stride..][..file.dim()], &y) + bias[i];
                let v = if v.is_nan() { 0.0 } else { v };
                let v = v.clamp(-1048576.0, 1048576.0);
                (v.floor() as i32, rne((v - v.floor()) * 1024.0))
            })
            .collect();
        let bucket = |h: &[i32]| {
            let mut x = 0x811c9dc5u32;
            for h in h {
                x = (x ^ *h as u32).wrapping_mul(0x9e3779b1);
                x ^= x >> 15;
            }
            (x >> (32 - bits)) as usize
        };
        // Cost, hash, 0 for lowering and 1 for raising.
        let mut perturbations: Vec<(i64, usize, usize)> = (0..hashes)
            .flat_map(|i| {
                let s = places[i].1;
                [(s * s, i, 0), ((1024 - s) * (1024 - s), i, 1)]
            })
            .collect();
        perturbations.sort_unstable();
        let position = |i, raise| {
            perturbations
                .iter()
                .position(|(_, hash, how)| (*hash, *how) == (i, raise))
                .unwrap()
        };
        // All sets: each hash is left alone, lowered or raised.
        let mut sets: Vec<(i64, u32, Vec<i32>)> = (0..3usize.pow(hashes as u32))
            .map(|mut set| {
                let (mut cost, mut mask) = (0, 0);
                let mut h: Vec<i32> = places.iter().map(|(h, _)| *h).collect();
                for (i, h) in h.iter_mut().enumerate() {
                    let how = set % 3;
                    set /= 3;
                    if how > 0 {
                        let j = position(i, how - 1);
                        cost += perturbations[j].0;
                        mask |= 1 << j;
                        *h += if how == 1 { -1 } else { 1 };
                    }
                }
                (cost, mask, h)
            })
            .collect();
        sets.sort_unstable();
        for (_, _, h) in sets.iter().take(effort) {
            let at = table * ((1 << bits) + 1) + bucket(h);
            let rows = starts[at] as usize..starts[at + 1] as usize;
            candidates.extend(&buckets[table * file.rows()..][rows]);
        }
    }
    candidates.into_iter().collect()
}
