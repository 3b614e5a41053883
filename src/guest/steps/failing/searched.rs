// SPDX-License-Identifier: MIT OR Apache-2.0
//! A vector file with an index of every kind, to be searched while something fails.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::anns::{Metric, index};
use crate::client::{Error, Kind, Method, Searcher};
use crate::dataset::fvecs;
use crate::dataset::workload::{Name, Workload};
use crate::exercise::building::build;

const ROWS: usize = 300;
const DIM: usize = 24;
const K: u32 = 5;

const NAME: &str = "rows.fvecs";

/// The vector file in the directory `root`.
pub fn path(root: &Path) -> PathBuf {
    root.join(NAME)
}

/// Writes the vector file and its indexes into the directory `root`, and returns a query.
pub fn write(root: &Path) -> Result<Vec<f32>> {
    let workload = Workload {
        rows: ROWS,
        dim: DIM,
        queries: 1,
        ..Workload::new(Name::Clustered)
    };
    let generated = workload.generate()?;
    fvecs::write(&path(root), &generated.vectors)?;
    for kind in index::Kind::ALL {
        let path = root.join(format!("{NAME}.{kind}"));
        fs::write(&path, build(&generated.vectors, Metric::L2, kind)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(generated.queries.row(0).to_vec())
}

/// The answer in words that differ wherever a bit of it does.
pub fn search(root: &Path, query: &[f32], kind: Kind) -> Result<String, Error> {
    let method = Method {
        kind,
        metric: Metric::L2,
        k: K,
        effort: 0,
    };
    let found = Searcher::open(&path(root))?.search(query, method)?;
    Ok(format!("{:?} of {}", found.hits, found.rows))
}

/// What INFO says of the file and its indexes.
pub fn info(root: &Path) -> Result<String, Error> {
    let info = Searcher::open(&path(root))?.info()?;
    Ok(format!("{} rows, {} indexes", info.rows, info.indexes))
}
