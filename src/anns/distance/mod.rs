// SPDX-License-Identifier: MIT OR Apache-2.0
//! The squared Euclidean distance of `docs/arithmetic.md`, in several implementations that agree to the bit.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod simd;
#[cfg(target_arch = "x86_64")]
mod sse2;

use std::sync::LazyLock;

use super::topk::TopK;

/// Elements taken at a time; queries and rows are padded to a multiple.
pub const LANES: usize = 16;

/// What is taken at a time.
type Step = [f32; LANES];

/// An implementation of the distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Says what is meant; the others are compared with it.
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Sse2,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Backend {
    /// Every implementation, the preferred ones first.
    pub const ALL: &[Backend] = &[
        #[cfg(target_arch = "x86_64")]
        Backend::Avx512,
        #[cfg(target_arch = "x86_64")]
        Backend::Avx2,
        #[cfg(target_arch = "x86_64")]
        Backend::Sse2,
        Backend::Scalar,
    ];

    /// The first implementation, in order of preference, that this machine can run.
    pub fn best() -> Self {
        static BEST: LazyLock<Backend> = LazyLock::new(|| {
            *Backend::ALL
                .iter()
                .find(|backend| backend.runs_here())
                .expect("scalar code runs everywhere")
        });
        *BEST
    }

    pub fn runs_here(self) -> bool {
        match self {
            Backend::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Backend::Sse2 => true,
            #[cfg(target_arch = "x86_64")]
            Backend::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Backend::Avx512 => is_x86_feature_detected!("avx512f"),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Backend::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Backend::Sse2 => "sse2",
            #[cfg(target_arch = "x86_64")]
            Backend::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Backend::Avx512 => "avx512",
        }
    }

    /// Offers every row to `nearest`, numbered from 0 on, with its squared distance from `query`; those that could not be
    /// kept may be left out.
    ///
    /// Both are padded with zeros to a multiple of [`LANES`]; they need not be aligned. Panics if the sizes do not fit
    /// each other, or if this machine cannot run the implementation.
    pub fn scan(self, query: &[f32], rows: &[f32], nearest: &mut TopK) {
        assert!(self.runs_here(), "this machine has no {}", self.name());
        let (query, rest) = query.as_chunks::<LANES>();
        assert!(rest.is_empty(), "a query without padding");
        let (rows, rest) = rows.as_chunks::<LANES>();
        assert!(
            rest.is_empty() && rows.len().is_multiple_of(query.len()),
            "rows of another dimension"
        );
        match self {
            Backend::Scalar => scalar::scan(query, rows, nearest),
            // SAFETY: SSE2 is part of x86-64.
            #[cfg(target_arch = "x86_64")]
            Backend::Sse2 => unsafe { sse2::scan(query, rows, nearest) },
            // SAFETY: the machine runs AVX2 code, as asserted above.
            #[cfg(target_arch = "x86_64")]
            Backend::Avx2 => unsafe { avx2::scan(query, rows, nearest) },
            // SAFETY: the machine runs AVX-512 code, as asserted above.
            #[cfg(target_arch = "x86_64")]
            Backend::Avx512 => unsafe { avx512::scan(query, rows, nearest) },
        }
    }
}
