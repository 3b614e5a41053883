// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which instructions are used, here and for codes.

use std::sync::LazyLock;

/// An implementation of the distances.
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
            Backend::Avx512 => {
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
            }
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

    pub fn assert_runs_here(self) {
        assert!(self.runs_here(), "this machine has no {}", self.name());
    }
}
