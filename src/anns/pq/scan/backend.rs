// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instruction sets in which the scan is implemented.

use crate::anns::backend::backends;

backends! {
    /// An implementation of the scan.
    Avx512 "avx512" is_x86_feature_detected!("avx512bw");
    Avx2 "avx2" is_x86_feature_detected!("avx2");
    Ssse3 "ssse3" is_x86_feature_detected!("ssse3");
}
