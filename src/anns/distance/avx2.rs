// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sixteen lanes in two registers of eight.

use std::arch::x86_64::*;

use super::sse2;

super::squared_l2!("avx2", several, 4);

#[inline]
#[target_feature(enable = "avx2")]
fn several<const ROWS: usize>(query: &[[f32; 16]], rows: [&[[f32; 16]]; ROWS]) -> [f32; ROWS] {
    assert!(rows.iter().all(|row| row.len() == query.len()));
    let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
    for (step, q) in query.iter().enumerate() {
        let q = load(q);
        for (sums, row) in sums.iter_mut().zip(rows) {
            super::prefetch_after(row, step);
            // SAFETY: the row has as many steps as the query, as asserted above.
            let x = load(unsafe { row.get_unchecked(step) });
            for j in 0..2 {
                let d = _mm256_sub_ps(q[j], x[j]);
                sums[j] = _mm256_add_ps(sums[j], _mm256_mul_ps(d, d));
            }
        }
    }
    sums.map(|[low, high]| reduce(_mm256_add_ps(low, high)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(lanes: &[f32; 16]) -> [__m256; 2] {
    let (halves, _) = lanes.as_chunks::<8>();
    // SAFETY: each half is eight floats; the load needs no alignment.
    std::array::from_fn(|j| unsafe { _mm256_loadu_ps(halves[j].as_ptr()) })
}

/// The reduction tree from `t` to the distance.
#[inline]
#[target_feature(enable = "avx2")]
pub fn reduce(t: __m256) -> f32 {
    sse2::reduce(_mm_add_ps(
        _mm256_castps256_ps128(t),
        _mm256_extractf128_ps::<1>(t),
    ))
}
