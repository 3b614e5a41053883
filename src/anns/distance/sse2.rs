// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sixteen lanes in four registers of four.

use std::arch::x86_64::*;

super::squared_l2!("sse2", several, 2);

#[inline]
#[target_feature(enable = "sse2")]
fn several<const ROWS: usize>(query: &[[f32; 16]], rows: [&[[f32; 16]]; ROWS]) -> [f32; ROWS] {
    assert!(rows.iter().all(|row| row.len() == query.len()));
    let mut sums = [[_mm_setzero_ps(); 4]; ROWS];
    for (step, q) in query.iter().enumerate() {
        let q = load(q);
        for (sums, row) in sums.iter_mut().zip(rows) {
            super::prefetch_after(row, step);
            // SAFETY: the row has as many steps as the query, as asserted above.
            let x = load(unsafe { row.get_unchecked(step) });
            for j in 0..4 {
                let d = _mm_sub_ps(q[j], x[j]);
                sums[j] = _mm_add_ps(sums[j], _mm_mul_ps(d, d));
            }
        }
    }
    sums.map(|[s0, s1, s2, s3]| reduce(_mm_add_ps(_mm_add_ps(s0, s2), _mm_add_ps(s1, s3))))
}

#[inline]
#[target_feature(enable = "sse2")]
fn load(lanes: &[f32; 16]) -> [__m128; 4] {
    let (quarters, _) = lanes.as_chunks::<4>();
    // SAFETY: each quarter is four floats; the load needs no alignment.
    std::array::from_fn(|j| unsafe { _mm_loadu_ps(quarters[j].as_ptr()) })
}

/// The end of the reduction tree: from `u` to the distance.
#[inline]
#[target_feature(enable = "sse2")]
pub fn reduce(u: __m128) -> f32 {
    let v = _mm_add_ps(u, _mm_movehl_ps(u, u));
    _mm_cvtss_f32(_mm_add_ss(v, _mm_shuffle_ps::<1>(v, v)))
}
