// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several implementations of one thing: each machine takes the best one that it can run.

/// Declares the enum of a thing's implementations, the preferred ones first. Each names itself and tells where it runs;
/// the scalar one comes last and runs everywhere.
macro_rules! backends {
    ($(#[$doc:meta])* $($variant:ident $name:literal $runs_here:expr;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Backend {
            $(
                #[cfg(target_arch = "x86_64")]
                $variant,
            )*
            /// The reference: every other implementation is compared with it.
            Scalar,
        }

        impl Backend {
            /// Every implementation, the preferred ones first.
            pub const ALL: &[Backend] = &[
                $(
                    #[cfg(target_arch = "x86_64")]
                    Backend::$variant,
                )*
                Backend::Scalar,
            ];

            /// The first implementation, in order of preference, that this machine can run.
            pub fn best() -> Self {
                static BEST: std::sync::LazyLock<Backend> = std::sync::LazyLock::new(|| {
                    *Backend::ALL
                        .iter()
                        .find(|backend| backend.runs_here())
                        .expect("scalar code runs everywhere")
                });
                *BEST
            }

            pub fn runs_here(self) -> bool {
                match self {
                    $(
                        #[cfg(target_arch = "x86_64")]
                        Backend::$variant => $runs_here,
                    )*
                    Backend::Scalar => true,
                }
            }

            pub fn name(self) -> &'static str {
                match self {
                    $(
                        #[cfg(target_arch = "x86_64")]
                        Backend::$variant => $name,
                    )*
                    Backend::Scalar => "scalar",
                }
            }

            pub fn assert_runs_here(self) {
                assert!(self.runs_here(), "this machine has no {}", self.name());
            }
        }
    };
}

pub(super) use backends;
