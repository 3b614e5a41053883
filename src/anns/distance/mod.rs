// SPDX-License-Identifier: MIT OR Apache-2.0
//! The squared Euclidean distance of `docs/arithmetic.md`, in several implementations that agree to the bit.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod sse2;

use std::sync::LazyLock;

/// Elements taken at a time; queries and rows are padded to a multiple.
pub const LANES: usize = 16;

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

    /// Writes the squared distance from `query` to each of `rows` to `distances`.
    ///
    /// Both are padded with zeros to a multiple of [`LANES`]; they need not be aligned. Panics if the sizes do not fit
    /// each other, or if this machine cannot run the implementation.
    pub fn squared_l2(self, query: &[f32], rows: &[f32], distances: &mut [f32]) {
        assert!(self.runs_here(), "this machine has no {}", self.name());
        assert_eq!(
            query.len() * distances.len(),
            rows.len(),
            "rows of another dimension"
        );
        let (query, rest) = query.as_chunks::<LANES>();
        assert!(rest.is_empty(), "a query without padding");
        let (rows, _) = rows.as_chunks::<LANES>();
        match self {
            Backend::Scalar => scalar::squared_l2(query, rows, distances),
            // SAFETY: SSE2 is part of x86-64.
            #[cfg(target_arch = "x86_64")]
            Backend::Sse2 => unsafe { sse2::squared_l2(query, rows, distances) },
            // SAFETY: the machine runs AVX2 code, as asserted above.
            #[cfg(target_arch = "x86_64")]
            Backend::Avx2 => unsafe { avx2::squared_l2(query, rows, distances) },
            // SAFETY: the machine runs AVX-512 code, as asserted above.
            #[cfg(target_arch = "x86_64")]
            Backend::Avx512 => unsafe { avx512::squared_l2(query, rows, distances) },
        }
    }
}

/// Asks for what lies a little after this step of a row. Rows lie one after the other, but several are read at a time, which
/// the prefetchers of the hardware do not follow well.
#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch_after(row: &[[f32; LANES]], step: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    /// 2 KiB.
    const AHEAD: usize = 32;
    let later = row.as_ptr().wrapping_add(step + AHEAD);
    // SAFETY: the address may be any; nothing is read from it that a program could see.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(later.cast()) };
}

/// What the vector implementations have in common: they differ in the distance of a few rows at once.
///
/// `$several` takes the query and an array of rows and returns their distances.
#[cfg(target_arch = "x86_64")]
macro_rules! squared_l2 {
    ($feature:literal, $several:ident, $group:literal) => {
        #[target_feature(enable = $feature)]
        pub fn squared_l2(query: &[[f32; 16]], rows: &[[f32; 16]], distances: &mut [f32]) {
            let steps = query.len();
            let (groups, singles) = distances.as_chunks_mut::<$group>();
            let (grouped, rest) = rows.split_at(groups.len() * $group * steps);
            for (distances, rows) in groups.iter_mut().zip(grouped.chunks_exact($group * steps)) {
                *distances = $several(
                    query,
                    std::array::from_fn::<_, $group, _>(|i| &rows[i * steps..][..steps]),
                );
            }
            for (distance, row) in singles.iter_mut().zip(rest.chunks_exact(steps)) {
                [*distance] = $several(query, [row]);
            }
        }
    };
}
#[cfg(target_arch = "x86_64")]
use squared_l2;
