// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sixteen lanes in one register.

use std::arch::x86_64::*;

use super::avx2;

super::squared_l2!("avx512f", several, 4);

#[inline]
#[target_feature(enable = "avx512f")]
fn several<const ROWS: usize>(query: &[[f32; 16]], rows: [&[[f32; 16]]; ROWS]) -> [f32; ROWS] {
    assert!(rows.iter().all(|row| row.len() == query.len()));
    let mut sums = [_mm512_setzero_ps(); ROWS];
    for (step, q) in query.iter().enumerate() {
        let q = load(q);
        for (sum, row) in sums.iter_mut().zip(rows) {
            super::prefetch_after(row, step);
            // SAFETY: the row has as many steps as the query, as asserted above.
            let x = load(unsafe { row.get_unchecked(step) });
            let d = _mm512_sub_ps(q, x);
            *sum = _mm512_add_ps(*sum, _mm512_mul_ps(d, d));
        }
    }
    sums.map(|sum| reduce(sum))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(lanes: &[f32; 16]) -> __m512 {
    // SAFETY: the lanes are sixteen floats; the load needs no alignment.
    unsafe { _mm512_loadu_ps(lanes.as_ptr()) }
}

/// The whole reduction tree.
#[inline]
#[target_feature(enable = "avx512f")]
fn reduce(s: __m512) -> f32 {
    // AVX-512F moves the upper half as integers or doubles only.
    let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(s)));
    avx2::reduce(_mm256_add_ps(_mm512_castps512_ps256(s), high))
}
