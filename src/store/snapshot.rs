// SPDX-License-Identifier: MIT OR Apache-2.0
//! A private copy of a vector file's rows, on which searches run whatever happens to the file meanwhile.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

use super::reading::FromByte;
use super::update::Update;
use crate::dataset::{Matrix, Pieces, ReadError, fvecs};

#[derive(Clone, Debug)]
pub struct Snapshot {
    rows: Pieces,
    generation: u64,
    /// The generation of the copy that it has come from by updates.
    first_generation: u64,
    /// How many of the first rows no update since then has touched.
    steady: usize,
}

impl Snapshot {
    /// Makes a snapshot of `rows` with a generation that no other snapshot of this process has.
    pub fn new(rows: Matrix) -> Self {
        let generation = next_generation();
        Snapshot {
            steady: rows.rows(),
            rows: Pieces::from(rows),
            generation,
            first_generation: generation,
        }
    }

    /// Reads all rows of a vector file.
    pub fn load(file: &File) -> Result<Self, ReadError> {
        let bytes = file.metadata()?.len();
        fvecs::decode(FromByte { file, offset: 0 }, bytes).map(Snapshot::new)
    }

    pub fn rows(&self) -> &Pieces {
        &self.rows
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// A number that two snapshots share only if their first `count` rows are equal, and there are so many.
    pub fn version_of_first(&self, count: u64) -> u64 {
        match count <= self.steady as u64 {
            true => self.first_generation,
            false => self.generation,
        }
    }

    /// The other snapshot with this one's generation, if their rows are equal to the bit.
    pub(super) fn renewed(&self, other: &Snapshot) -> Option<Snapshot> {
        self.rows.same_bits(&other.rows).then(|| Snapshot {
            rows: other.rows.clone(),
            ..*self
        })
    }

    /// Carries out an update. What other snapshots share with this one stays as it is.
    pub(super) fn update(&mut self, update: &Update) {
        self.steady = self.steady.min(update.first_row()).min(update.rows());
        self.rows.truncate(update.rows());
        for (number, row) in update.changed() {
            self.rows.set(number, row);
        }
        self.generation = next_generation();
    }
}

fn next_generation() -> u64 {
    static GENERATIONS: AtomicU64 = AtomicU64::new(1);
    GENERATIONS.fetch_add(1, Ordering::Relaxed)
}

/// The errno of `docs/abi.md` for rows that could not be loaded.
pub fn errno(error: &ReadError) -> Errno {
    match error {
        ReadError::Malformed { .. } => Errno::EBADMSG,
        ReadError::TooManyRows => Errno::EFBIG,
        ReadError::OutOfMemory(_) => Errno::ENOMEM,
        ReadError::Unsupported(_) | ReadError::Io(_) => Errno::EIO,
    }
}
