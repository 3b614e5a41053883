// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code distances in AVX-512 with VNNI: an instruction multiplies sixty-four bytes without a sign by as many with one,
//! and adds the products up exactly.
//!
//! Of codes `x` of a vector and `q` of the query, `x * q = (x + 128) * q - 128 * q` and
//! `(q - x)^2 = |x| * |x| - 2 * (x + 128) * q + q * q + 256 * q`. No code is -128.

use std::arch::x86_64::*;
use std::ops::Range;

use super::avx512::{self, folded};
use super::operands::{Codes, Query, Step};
use super::simd::{self, Four};
use crate::anns::code::layout::ALIGN;
use crate::anns::topk::TopK;

/// Codes of a vector up to which a few vectors at a time are compared as fast without VNNI: with it the sums take more
/// steps at the end.
const FEW: usize = 128;

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub fn gather<const PRODUCTS: bool>(query: &Query, codes: Codes, nodes: &[u32], out: &mut [u32]) {
    if query.narrow.len() * ALIGN <= FEW {
        return avx512::gather::<PRODUCTS>(query, codes, nodes, out);
    }
    simd::gather::<PRODUCTS>(codes, nodes, out, |four, count| {
        sums::<PRODUCTS>(query, four, count)
    });
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub fn scan<const PRODUCTS: bool>(
    query: &Query,
    codes: Codes,
    nodes: Range<u32>,
    nearest: &mut TopK,
) {
    simd::scan::<PRODUCTS>(codes, nodes, nearest, |four, count| {
        sums::<PRODUCTS>(query, four, count)
    });
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn sums<const PRODUCTS: bool>(query: &Query, four: Four, count: usize) -> __m128i {
    let zero = _mm512_setzero_si512();
    let [a, b, ..] = four;
    let sums = folded(match count {
        1 => {
            let [a] = terms::<PRODUCTS, 1>(query, [a]);
            [a, zero, zero, zero]
        }
        2 => {
            let [a, b] = terms::<PRODUCTS, 2>(query, [a, b]);
            [a, b, zero, zero]
        }
        _ => terms::<PRODUCTS, 4>(query, four),
    });
    let of_the_query = if PRODUCTS {
        -128 * query.sum
    } else {
        query.squares + 256 * query.sum
    };
    _mm_add_epi32(sums, _mm_set1_epi32(of_the_query))
}

/// The terms that depend on the vectors, each time in sixteen parts.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn terms<const PRODUCTS: bool, const N: usize>(
    query: &Query,
    vectors: [&[Step]; N],
) -> [__m512i; N] {
    let lines = &query.narrow[..];
    let mut pairs: [&[[Step; 2]]; N] = [&[]; N];
    for n in 0..N {
        // The slices get one length that the compiler sees.
        pairs[n] = &vectors[n].as_chunks().0[..lines.len()];
    }
    let mut products = [_mm512_setzero_si512(); N];
    let mut squares = [_mm512_setzero_si512(); N];
    for (i, line) in lines.iter().enumerate() {
        let q: __m512i = bytemuck::cast(line.0);
        for n in 0..N {
            let x: __m512i = bytemuck::cast(pairs[n][i]);
            if !PRODUCTS {
                let size = _mm512_abs_epi8(x);
                squares[n] = _mm512_dpbusd_epi32(squares[n], size, size);
            }
            // Another sign bit is 128 more.
            let shifted = _mm512_xor_si512(x, _mm512_set1_epi8(i8::MIN));
            products[n] = _mm512_dpbusd_epi32(products[n], shifted, q);
        }
    }
    if !PRODUCTS {
        // A closure would not be compiled into this function.
        for n in 0..N {
            let twice = _mm512_add_epi32(products[n], products[n]);
            products[n] = _mm512_sub_epi32(squares[n], twice);
        }
    }
    products
}
