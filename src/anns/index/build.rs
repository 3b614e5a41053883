// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds an index. The bytes depend on rows, metric, parameters and seed only, not on the machine or the number of
//! threads.

use crate::anns::building::{BuildError, Progress};
use crate::anns::file::{Bytes, Kind};
use crate::anns::{Metric, hnsw, ivf, lsh, pq};
use crate::dataset::Matrix;

/// How an index is built.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameters {
    Hnsw(hnsw::Parameters),
    Ivf(ivf::Parameters),
    Pq(pq::Parameters),
    Lsh(lsh::Parameters),
}

impl Parameters {
    pub fn kind(&self) -> Kind {
        match self {
            Parameters::Hnsw(_) => Kind::Hnsw,
            Parameters::Ivf(_) => Kind::Ivf,
            Parameters::Pq(_) => Kind::Pq,
            Parameters::Lsh(_) => Kind::Lsh,
        }
    }
}

/// Builds the index file of all `rows`.
pub fn build(
    rows: &Matrix,
    metric: Metric,
    parameters: &Parameters,
    seed: u64,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Bytes, BuildError> {
    if rows.is_empty() {
        return Err(BuildError::NoRows);
    }
    pool(threads)?.install(|| match parameters {
        Parameters::Hnsw(parameters) => hnsw::build(rows, metric, parameters, seed, progress),
        Parameters::Ivf(parameters) => ivf::build(rows, metric, parameters, seed, progress),
        Parameters::Pq(parameters) => pq::build(rows, metric, parameters, seed, progress),
        Parameters::Lsh(parameters) => lsh::build(rows, metric, parameters, seed, progress),
    })
}

/// Starts the threads of a build.
pub(super) fn pool(threads: usize) -> Result<rayon::ThreadPool, BuildError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .build()
        .map_err(|_| BuildError::Threads)
}
