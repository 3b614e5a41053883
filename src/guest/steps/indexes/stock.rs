// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows in a mount, with an index of every kind that covers all but the last of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::following::sidecar;
use crate::anns::{Metric, index};
use crate::client::{Kind, Method};
use crate::dataset::workload::{Name, Workload};
use crate::dataset::{Matrix, fvecs};
use crate::exercise::building::{build, parse};

/// Rows that the indexes cover.
pub const COVERED: usize = 1200;
const TAIL: usize = 30;
const DIM: usize = 12;
pub const K: u32 = 5;

pub struct Stock {
    pub path: PathBuf,
    pub rows: Matrix,
    pub queries: Matrix,
    /// The indexes, as they are searched in process.
    pub indexes: Vec<(index::Kind, index::Index)>,
}

impl Stock {
    /// Writes all below `root`, a directory of a mount.
    pub fn new(root: &Path) -> Result<Self> {
        let workload = Workload {
            rows: COVERED + TAIL,
            dim: DIM,
            queries: 2,
            ..Workload::new(Name::Clustered)
        };
        let generated = workload.generate()?;
        let rows = generated.vectors;
        let mut covered = Matrix::new(DIM);
        rows.iter().take(COVERED).for_each(|row| covered.push(row));
        let path = root.join("stock.fvecs");
        fvecs::write(&path, &rows)?;
        let mut indexes = Vec::new();
        for kind in index::Kind::ALL {
            let built = build(&covered, Metric::L2, kind)?;
            fs::write(sidecar(&path, kind), &built)?;
            indexes.push((kind, parse(&built, kind)?));
        }
        Ok(Stock {
            path,
            rows,
            queries: generated.queries,
            indexes,
        })
    }
}

pub fn method(kind: Kind, effort: u32) -> Method {
    Method {
        kind,
        metric: Metric::L2,
        k: K,
        effort,
    }
}
