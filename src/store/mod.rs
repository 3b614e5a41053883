// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vector files and their indexes as both drivers serve them: snapshots and the search ABI (`docs/abi.md`).

pub mod abi;
mod content;
pub mod index_file;
mod origin;
pub mod others;
mod reading;
pub mod replace;
pub mod sent;
pub mod serve;
pub mod sidecar;
mod snapshot;
mod stamp;
mod touched;
mod update;
mod vector_file;

pub use content::Content;
pub use sidecar::{Beside, Sidecar, Sidecars};
pub use snapshot::Snapshot;
pub use stamp::FileId;
pub use vector_file::VectorFile;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Whether a regular file of this name is a vector file. The name must be at least one byte and then `.fvecs`.
pub fn is_vector_file_name(name: &OsStr) -> bool {
    name.as_bytes()
        .strip_suffix(b".fvecs")
        .is_some_and(|stem| !stem.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_file_ends_in_fvecs_after_at_least_one_byte() {
        for (name, is) in [
            ("a.fvecs", true),
            ("..fvecs", true),
            (".fvecs", false),
            ("fvecs", false),
            ("a.fvecs.hnsw", false),
        ] {
            assert_eq!(is_vector_file_name(OsStr::new(name)), is, "{name}");
        }
    }
}
