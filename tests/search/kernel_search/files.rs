// SPDX-License-Identifier: MIT OR Apache-2.0
//! Index files of random content that keep to `docs/index-format.md`. No builder would write them, but each reader has
//! to search them.

use rand_core::Rng;
use rand_pcg::Pcg64;
use vexfs::anns::Metric;
use vexfs::anns::file::CODED_DIM_MAX;
use vexfs::anns::index::{Bytes, Header, Kind, NONE, Writer, section_sizes};
use vexfs::dataset::Matrix;

use crate::kernel_search::values::{Source, below, one_of};

/// An index of all `rows`.
pub fn file(
    random: &mut Pcg64,
    rows: &Matrix,
    kind: Kind,
    metric: Metric,
    source: Source,
) -> Bytes {
    let shape = Shape {
        rows: rows.rows(),
        dim: rows.dim(),
        codes: one_of(random, &[1, 3, 127]),
        source,
    };
    let (params, mut sections) = match kind {
        Kind::Hnsw => hnsw(random, shape),
        Kind::Ivf => ivf(random, shape),
        Kind::Pq => pq(random, shape),
        Kind::Lsh => lsh(random, shape),
    };
    let mut header = Header::new(kind, metric, rows, random.next_u64());
    header.version = one_of(random, &[2, 3, 3, 3]);
    header.effort = 1 + below(random, 20) as u32;
    header.param[..params.len()].copy_from_slice(&params);
    let coded: &[usize] = match kind {
        Kind::Hnsw => &[0, 2],
        Kind::Ivf => &[1, 4],
        Kind::Pq | Kind::Lsh => &[],
    };
    if !coded.is_empty() && (rows.dim() > CODED_DIM_MAX || below(random, 2) == 0) {
        header.exact = 1;
        coded.iter().for_each(|section| sections[*section].clear());
    }
    let mut writer = Writer::new(header, section_sizes(kind)).expect("memory for a small index");
    for (i, bytes) in sections.iter().enumerate() {
        writer.section::<u8>(i).copy_from_slice(bytes);
    }
    writer.seal(rows)
}

/// Parameters and sections.
type Parts = (Vec<u32>, Vec<Vec<u8>>);

#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    dim: usize,
    /// The largest code.
    codes: i32,
    source: Source,
}

fn bytes<T: bytemuck::NoUninit>(values: &[T]) -> Vec<u8> {
    bytemuck::cast_slice(values).to_vec()
}

impl Shape {
    fn vectors(self, random: &mut Pcg64, count: usize) -> Vec<f32> {
        self.source
            .matrix(random, count, self.dim)
            .padded()
            .to_vec()
    }

    fn quantizer(self, random: &mut Pcg64) -> Vec<f32> {
        let mut quantizer = self.vectors(random, 1);
        let end = quantizer.len();
        quantizer.resize(end + 16, 0.0);
        quantizer[end] = one_of(random, &[1.0, 40.0, 0.3, f32::MAX, f32::MIN_POSITIVE]);
        quantizer
    }

    fn codes(self, random: &mut Pcg64) -> Vec<i8> {
        let span = 2 * self.codes as usize + 1;
        let mut codes = vec![0; self.rows * self.dim.next_multiple_of(64)];
        for row in codes.chunks_exact_mut(self.dim.next_multiple_of(64)) {
            row[..self.dim].fill_with(|| (below(random, span) as i32 - self.codes) as i8);
        }
        codes
    }

    fn permutation(self, random: &mut Pcg64) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..self.rows as u32).collect();
        for end in (1..rows.len()).rev() {
            rows.swap(end, below(random, end + 1));
        }
        rows
    }

    /// Draws `count` numbers and one more that do not fall.
    fn starts(self, random: &mut Pcg64, count: usize) -> Vec<u32> {
        let mut starts: Vec<u32> = (1..count)
            .map(|_| below(random, self.rows + 1) as u32)
            .collect();
        starts.extend([0, self.rows as u32]);
        starts.sort_unstable();
        starts
    }
}

fn links(random: &mut Pcg64, lists: usize, width: usize) -> Vec<u32> {
    let mut links = vec![NONE; lists * width];
    for list in links.chunks_exact_mut(width) {
        let degree = below(random, width + 1);
        list[..degree].fill_with(|| below(random, lists) as u32);
    }
    links
}

fn hnsw(random: &mut Pcg64, shape: Shape) -> Parts {
    let m = one_of(random, &[2, 3, 16]);
    let m0 = one_of(random, &[2, 7, 32, 256]);
    let mut params = vec![m, m0, random.next_u32(), 1];
    let mut nodes = shape.rows;
    let mut upper = Vec::new();
    while params[3] < 13 && below(random, 4) != 0 {
        nodes = 1 + below(random, nodes);
        params.push(nodes as u32);
        params[3] += 1;
        upper.extend(links(random, nodes, m as usize));
    }
    let sections = vec![
        bytes(&shape.quantizer(random)),
        bytes(&shape.permutation(random)),
        bytes(&shape.codes(random)),
        bytes(&links(random, shape.rows, m0 as usize)),
        bytes(&upper),
    ];
    (params, sections)
}

fn ivf(random: &mut Pcg64, shape: Shape) -> Parts {
    let lists = 1 + below(random, shape.rows);
    let sections = vec![
        bytes(&shape.vectors(random, lists)),
        bytes(&shape.quantizer(random)),
        bytes(&shape.starts(random, lists)),
        bytes(&shape.permutation(random)),
        bytes(&shape.codes(random)),
    ];
    (vec![lists as u32, 1 + below(random, 30) as u32], sections)
}

fn pq(random: &mut Pcg64, shape: Shape) -> Parts {
    let m = one_of(random, &[2, 4, 6, 30, 256]);
    let sub = shape.dim.div_ceil(m);
    let groups = shape.rows.div_ceil(32);
    let codebook: Vec<f32> = (0..m * 16 * sub)
        .map(|_| shape.source.value(random))
        .collect();
    let mut codes = vec![0u8; groups * m / 2 * 32];
    codes.fill_with(|| random.next_u32() as u8);
    (vec![m as u32, 4, sub as u32], vec![bytes(&codebook), codes])
}

fn lsh(random: &mut Pcg64, shape: Shape) -> Parts {
    let tables = one_of(random, &[1, 2, 5]);
    let hashes = one_of(random, &[1, 2, 5, 16]);
    let bits = one_of(random, &[1, 4, 8]);
    let buckets: Vec<u32> = (0..tables * shape.rows)
        .map(|_| below(random, shape.rows) as u32)
        .collect();
    let starts: Vec<u32> = (0..tables)
        .flat_map(|_| shape.starts(random, 1 << bits))
        .collect();
    let bias: Vec<f32> = (0..tables * hashes)
        .map(|_| shape.source.value(random))
        .collect();
    let sections = vec![
        bytes(&shape.vectors(random, tables * hashes)),
        bytes(&bias),
        bytes(&starts),
        bytes(&buckets),
    ];
    (vec![tables as u32, hashes as u32, bits], sections)
}
