// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a search is to be made.

use crate::anns::{Metric, index};
use crate::store::abi;

/// The index that a search uses.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Exact search, which looks at every row.
    Flat,
    /// A graph of neighbours on several levels; the effort is efSearch.
    Hnsw,
    /// Lists of rows around centroids; the effort is nprobe.
    Ivf,
    /// Product quantization: short codes of all rows; the effort is the number of rows that are looked at exactly.
    Pq,
    /// Locality-sensitive hashing; the effort is the number of probes in each table.
    Lsh,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Flat, Kind::Hnsw, Kind::Ivf, Kind::Pq, Kind::Lsh];

    /// The kind's `VEXFS_KIND_*` number in the search ABI.
    pub fn code(self) -> u32 {
        self.index().map_or(abi::KIND_FLAT, index::Kind::code)
    }

    /// The kind of the index file. A flat search needs no such file.
    pub fn index(self) -> Option<index::Kind> {
        match self {
            Kind::Flat => None,
            Kind::Hnsw => Some(index::Kind::Hnsw),
            Kind::Ivf => Some(index::Kind::Ivf),
            Kind::Pq => Some(index::Kind::Pq),
            Kind::Lsh => Some(index::Kind::Lsh),
        }
    }

    pub fn name(self) -> &'static str {
        self.index().map_or("flat", index::Kind::extension)
    }
}

impl From<index::Kind> for Kind {
    fn from(kind: index::Kind) -> Self {
        match kind {
            index::Kind::Hnsw => Kind::Hnsw,
            index::Kind::Ivf => Kind::Ivf,
            index::Kind::Pq => Kind::Pq,
            index::Kind::Lsh => Kind::Lsh,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    pub kind: Kind,
    pub metric: Metric,
    pub k: u32,
    /// How hard an approximate kind tries. It is 0 for the index's own default, and for a flat search.
    pub effort: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_abi() {
        let codes = Kind::ALL.map(Kind::code);
        assert_eq!(
            codes,
            [
                abi::KIND_FLAT,
                abi::KIND_HNSW,
                abi::KIND_IVF,
                abi::KIND_PQ,
                abi::KIND_LSH
            ]
        );
        let metrics = [Metric::L2, Metric::InnerProduct, Metric::Cosine].map(Metric::code);
        assert_eq!(
            metrics,
            [abi::METRIC_L2, abi::METRIC_IP, abi::METRIC_COSINE]
        );
    }
}
