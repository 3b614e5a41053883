// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is attacked: sound vector files with an index of every kind, and files beside them.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::anns::Metric;
use crate::anns::index::Kind;
use crate::dataset::workload::{Name, Workload};
use crate::dataset::{Matrix, fvecs};
use crate::exercise::building::build;
use crate::store::index_file;

const ROWS: usize = 96;
const DIM: usize = 20;

/// The vector file with its indexes, and one that never changes.
pub const SOUND: &str = "sound.fvecs";
pub const MALFORMED: &str = "malformed.fvecs";
pub const EMPTY: &str = "empty.fvecs";
pub const PLAIN: &str = "plain.txt";
pub const FOLDER: &str = "folder.fvecs";

/// Rows and indexes in which nothing is wrong.
pub struct Ground {
    pub rows: Matrix,
    pub query: Vec<f32>,
    /// The vector file.
    pub encoded: Vec<u8>,
    /// An index file of each kind.
    pub indexes: Vec<(Kind, Vec<u8>)>,
}

impl Ground {
    pub fn new() -> Result<Ground> {
        let workload = Workload {
            rows: ROWS,
            dim: DIM,
            queries: 1,
            ..Workload::new(Name::Clustered)
        };
        let generated = workload.generate()?;
        let mut encoded = Vec::new();
        fvecs::encode(&mut encoded, &generated.vectors)?;
        let built = |kind| Ok((kind, build(&generated.vectors, Metric::L2, kind)?));
        Ok(Ground {
            query: generated.queries.row(0).to_vec(),
            encoded,
            indexes: Kind::ALL.into_iter().map(built).collect::<Result<_>>()?,
            rows: generated.vectors,
        })
    }

    /// The index file of a kind.
    pub fn index_file(&self, kind: Kind) -> &[u8] {
        let found = self.indexes.iter().find(|(other, _)| *other == kind);
        found.map_or(&[], |(_, bytes)| bytes)
    }

    /// Writes a vector file and its indexes.
    pub fn write_indexed(&self, path: &Path) -> Result<()> {
        write(path, &self.encoded)?;
        for (kind, bytes) in &self.indexes {
            write(&index_file::path(path, *kind), bytes)?;
        }
        Ok(())
    }

    /// Writes all files that are only asked.
    pub fn write_all(&self, dir: &Path) -> Result<()> {
        self.write_indexed(&dir.join(SOUND))?;
        let malformed = &self.encoded[..self.encoded.len() - 3];
        write(&dir.join(MALFORMED), malformed)?;
        write(&dir.join(EMPTY), &[])?;
        write(&dir.join(PLAIN), &self.encoded)?;
        let folder = dir.join(FOLDER);
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    File::create(path)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}
