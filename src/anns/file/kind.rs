// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kinds of index.

use serde::{Deserialize, Serialize};

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A graph of several levels (Malkov & Yashunin 2018).
    Hnsw,
    /// Lists of rows around centroids (Jégou et al. 2011).
    Ivf,
    /// Product quantization (Jégou et al. 2011).
    Pq,
    /// Locality-sensitive hashing (Datar et al. 2004).
    Lsh,
}

impl Kind {
    /// Every kind, in the order of their codes.
    pub const ALL: [Kind; 4] = [Kind::Hnsw, Kind::Ivf, Kind::Pq, Kind::Lsh];

    /// The code of the kind in files and in the ABI: `VEXFS_KIND_*`.
    pub fn code(self) -> u32 {
        self as u32 + 1
    }

    pub fn from_code(code: u32) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The extension of an index file's name, which is the vector file's name, a dot and the extension.
    pub fn extension(self) -> &'static str {
        match self {
            Kind::Hnsw => "hnsw",
            Kind::Ivf => "ivf",
            Kind::Pq => "pq",
            Kind::Lsh => "lsh",
        }
    }

    /// Whether its index files hold codes of the vectors' elements.
    pub fn has_codes(self) -> bool {
        matches!(self, Kind::Hnsw | Kind::Ivf)
    }

    /// The names of the first parameters in the header (`docs/index-format.md`).
    pub fn parameters(self) -> &'static [&'static str] {
        match self {
            Kind::Hnsw => &["M", "M0", "efConstruction", "levels"],
            Kind::Ivf => &["nlist", "rerank"],
            Kind::Pq => &["m", "nbits", "sub"],
            Kind::Lsh => &["tables", "hashes", "bits"],
        }
    }

    /// The name that the kind has for the effort of a search.
    pub fn effort(self) -> &'static str {
        match self {
            Kind::Hnsw => "efSearch",
            Kind::Ivf => "nprobe",
            Kind::Pq => "rerank",
            Kind::Lsh => "probes",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.extension())
    }
}
