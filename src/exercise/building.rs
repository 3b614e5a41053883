// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds indexes, with the defaults of their kind where nothing else is asked for.

use anyhow::{Context, Result};

use crate::anns::index::{self, Index, Kind, Parameters, Progress, Unobserved};
use crate::anns::{Metric, hnsw, ivf, lsh, pq};
use crate::dataset::Matrix;
use crate::protocol::Build;

/// The seed of the builders' choices.
const SEED: u64 = 42;

/// Builds an index file with the defaults of its kind.
pub fn build(rows: &Matrix, metric: Metric, kind: Kind) -> Result<Vec<u8>> {
    build_as(Build::default(), rows, metric, kind, 1, &Unobserved)
}

/// Builds an index file. The number of threads makes no difference to the file.
pub fn build_as(
    asked: Build,
    rows: &Matrix,
    metric: Metric,
    kind: Kind,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Vec<u8>> {
    let parameters = match kind {
        Kind::Hnsw => {
            let default = hnsw::Parameters::default();
            Parameters::Hnsw(hnsw::Parameters {
                ef_construction: asked
                    .ef_construction
                    .map_or(default.ef_construction, |ef| ef as usize),
                ..default
            })
        }
        Kind::Ivf => Parameters::Ivf(ivf::Parameters::default()),
        Kind::Pq => Parameters::Pq(pq::Parameters {
            m: asked.m,
            ..pq::Parameters::default()
        }),
        Kind::Lsh => Parameters::Lsh(lsh::Parameters::default()),
    };
    let built = index::build(rows, metric, &parameters, SEED, threads, progress);
    let built = built.with_context(|| format!("cannot build an index of kind {kind}"))?;
    Ok(built.to_vec())
}

/// Parses an index file as a search in process has it.
pub fn parse(file: &[u8], kind: Kind) -> Result<Index> {
    let index = Index::parse(index::Bytes::copy_of(file)?, kind);
    index.with_context(|| format!("an index of kind {kind} that was just built is malformed"))
}
