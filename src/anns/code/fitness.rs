// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether codes tell rows apart well enough to find the nearest ones by them.

use rayon::prelude::*;

use super::{Codes, Quantizer, Query, stride};
use crate::anns::distance::{self, Backend, Rows};
use crate::anns::file::CODED_DIM_MAX;
use crate::anns::topk::TopK;
use crate::anns::twins::twins;
use crate::anns::{Metric, flat, recall};
use crate::dataset::Matrix;

/// Rows that are searched for, and the most rows that they are searched among.
const QUERIES: usize = 64;
const AMONG: usize = 1 << 16;
/// Rows that are looked for, the nearest ones.
const NEAREST: usize = 10;
/// Rows among which they are looked for, the nearest ones by code.
const CANDIDATES: usize = 32;
/// The share of them that must be found.
const SHARE: f64 = 0.98;
/// So many rows that differ may have one code.
const MIXED: usize = 16;

/// Whether the nearest rows of some rows are nearly all among the nearest ones by code, and hardly any rows that differ
/// share a code: never where distances of codes would be too large. `codes` are those of all rows, in the order of
/// `rows_of`.
pub fn fit(
    rows: &Matrix,
    metric: Metric,
    quantizer: &Quantizer,
    codes: Codes,
    rows_of: &[u32],
) -> bool {
    rows.dim() <= CODED_DIM_MAX
        && !mixed(rows, codes, rows_of)
        && order_alike(rows, metric, quantizer, codes, rows_of)
}

fn mixed(rows: &Matrix, codes: Codes, rows_of: &[u32]) -> bool {
    let row = |node: u32| rows.row(rows_of[node as usize] as usize);
    equal_codes(codes).into_par_iter().any(|group| {
        let first = row(group[0]);
        let others = group.iter().filter(|node| row(**node) != first);
        others.count() > MIXED
    })
}

/// Returns the groups of at least two nodes that have the same codes, each in ascending order.
pub fn equal_codes(codes: Codes) -> Vec<Vec<u32>> {
    twins(
        codes.len(),
        |node| crc32c::crc32c(bytemuck::cast_slice(codes.get(node))),
        |a, b| codes.get(a).cmp(codes.get(b)),
    )
}

/// Returns the groups of at least two rows that are equal, each in ascending order of `rows_of`.
pub fn equal_rows(rows: &Matrix, rows_of: &[u32]) -> Vec<Vec<u32>> {
    // The sum makes +0 of -0.
    let bits = |node: u32| {
        let row = rows.row(rows_of[node as usize] as usize);
        row.iter().map(|x| (x + 0.0).to_bits())
    };
    twins(
        rows_of.len(),
        |node| {
            bits(node).fold(0, |crc, bits| {
                crc32c::crc32c_append(crc, &bits.to_le_bytes())
            })
        },
        |a, b| bits(a).cmp(bits(b)),
    )
}

fn order_alike(
    rows: &Matrix,
    metric: Metric,
    quantizer: &Quantizer,
    codes: Codes,
    rows_of: &[u32],
) -> bool {
    // `rows_of` is a random order, or one of lists: every so many are a fair sample.
    let step = rows_of.len().div_ceil(AMONG);
    let among: Vec<u32> = (0..rows_of.len() as u32).step_by(step).collect();
    let mut sampled = Matrix::new(rows.dim());
    let mut sampled_codes = Vec::with_capacity(among.len() * stride(rows.dim()));
    for node in &among {
        sampled.push(rows.row(rows_of[*node as usize] as usize));
        sampled_codes.extend_from_slice(codes.get(*node));
    }
    let sampled_codes = Codes::new(&sampled_codes, stride(rows.dim()));
    let wanted = NEAREST.min(among.len() - 1);
    if wanted == 0 {
        return true;
    }
    let backend = Backend::best();
    let queries: Vec<usize> = (0..among.len())
        .step_by(among.len().div_ceil(QUERIES))
        .collect();
    let shares: f64 = queries
        .par_iter()
        .map(|&asked| {
            let query = Matrix::from_row(sampled.row(asked));
            let exact = distance::Query::new(metric, query.padded());
            let mut truth = TopK::new(wanted + 1);
            flat::scan(backend, &exact, &sampled, 0..among.len(), &mut truth);
            let mut truth = truth.into_hits();
            truth.retain(|hit| hit.row as usize != asked);
            truth.truncate(wanted);

            let code = Query::new(metric, &quantizer.encode_query(metric, sampled.row(asked)));
            let mut near = TopK::new((CANDIDATES + 1).min(among.len()));
            backend.code_scan(&code, sampled_codes, 0..among.len() as u32, &mut near);
            let candidates: Vec<u32> = near
                .into_keys()
                .into_iter()
                .map(|key| key as u32)
                .filter(|node| *node as usize != asked)
                .collect();
            let mut found = TopK::new(wanted);
            backend.gather(&exact, Rows::of(&sampled, metric), &candidates, &mut found);
            recall::by_distance(&truth, &found.into_hits())
        })
        .collect::<Vec<_>>()
        .into_iter()
        .sum();
    shares >= SHARE * queries.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether codes fit these rows of two elements.
    fn fits(rows: impl IntoIterator<Item = [f32; 2]>) -> bool {
        let mut matrix = Matrix::new(2);
        rows.into_iter().for_each(|row| matrix.push(&row));
        let order: Vec<u32> = (0..matrix.rows() as u32).collect();
        let quantizer = Quantizer::fit(&matrix, Metric::L2);
        let mut codes = vec![0; matrix.rows() * stride(2)];
        for (row, codes) in codes.chunks_exact_mut(stride(2)).enumerate() {
            quantizer.encode_row(&matrix, Metric::L2, row, codes);
        }
        let codes = Codes::new(&codes, stride(2));
        fit(&matrix, Metric::L2, &quantizer, codes, &order)
    }

    #[test]
    fn codes_fit_a_grid_and_not_what_is_finer_than_they_are() {
        let grid = |fine: f32| (0..2500).map(move |i| [(i % 50) as f32 * fine, (i / 50) as f32]);
        assert!(fits(grid(1.0)));
        assert!(!fits(grid(1e-4)), "an element says nothing");
        let crowd = (0..20).map(|i| [1e-4 * i as f32, 0.0]);
        assert!(!fits(grid(1.0).chain(crowd)), "a crowd shares a code");
        let equal = std::iter::repeat_n([0.3, 0.3], 300);
        assert!(fits(grid(1.0).chain(equal)), "equal rows may share one");
        assert!(
            fits(grid(1.0).chain([[1e6, -1e6]])),
            "an outlier is left out of account"
        );
    }
}
