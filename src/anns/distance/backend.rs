// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instruction sets in which distances and code distances are implemented.

use crate::anns::backend::backends;

backends! {
    /// An implementation of the distances.
    // Distances are those of AVX-512: only codes are bytes.
    Avx512Vnni "avx512-vnni" is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni");
    Avx512 "avx512" is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
    Avx2 "avx2" is_x86_feature_detected!("avx2");
    // SSE2 is part of x86-64.
    Sse2 "sse2" true;
}
