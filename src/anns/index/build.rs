// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds an index: the same bytes for the same rows, metric, parameters and seed, whatever the machine and however many
//! threads.

use super::{Bytes, Kind, OutOfMemory};
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

/// Watches a build, and may end it. Called from any thread of it, many times a second.
pub trait Progress: Sync {
    fn report(&self, done: u64, of: u64);

    fn should_stop(&self) -> bool {
        false
    }

    /// The error that ends the build, if it shall end.
    fn go_on(&self) -> Result<(), BuildError> {
        match self.should_stop() {
            true => Err(BuildError::Interrupted),
            false => Ok(()),
        }
    }
}

/// Nobody watches.
pub struct Unobserved;

impl Progress for Unobserved {
    fn report(&self, _: u64, _: u64) {}
}

/// `Ok` if a parameter is as it must be; else the one sentence about it.
pub(crate) fn require(so: bool, otherwise: &'static str) -> Result<(), BuildError> {
    match so {
        true => Ok(()),
        false => Err(BuildError::Parameter(otherwise)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// One sentence about the parameter.
    #[error("{0}")]
    Parameter(&'static str),
    #[error("a file without rows has no index")]
    NoRows,
    #[error("the threads of the build could not be started")]
    Threads,
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
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .build()
        .map_err(|_| BuildError::Threads)?;
    pool.install(|| match parameters {
        Parameters::Hnsw(parameters) => hnsw::build(rows, metric, parameters, seed, progress),
        Parameters::Ivf(parameters) => ivf::build(rows, metric, parameters, seed, progress),
        Parameters::Pq(parameters) => pq::build(rows, metric, parameters, seed, progress),
        Parameters::Lsh(parameters) => lsh::build(rows, metric, parameters, seed, progress),
    })
}
