// SPDX-License-Identifier: MIT OR Apache-2.0
//! A private copy of a vector file's rows, on which searches run whatever happens to the file meanwhile.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

use super::reading::FromByte;
use super::update::Update;
use crate::anns::file::BLOCK_ROWS;
use crate::dataset::{Matrix, Pieces, ReadError, fvecs};

#[derive(Clone, Debug)]
pub struct Snapshot {
    rows: Pieces,
    generation: u64,
    /// The generation of the copy that it has come from by updates.
    first_generation: u64,
    /// The generation of the first one from which it has come by updates that took no row away.
    line: u64,
    /// Blocks with rows that were changed since then, in ascending order. Each has the generation of its last change.
    changed: Arc<Vec<(usize, u64)>>,
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
            line: generation,
            changed: Arc::default(),
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
            ..self.clone()
        })
    }

    /// Carries out an update. What other snapshots share with this one stays as it is.
    pub(super) fn update(&mut self, update: &Update) {
        let before = self.rows.rows();
        self.steady = self.steady.min(update.first_row()).min(update.rows());
        self.rows.truncate(update.rows());
        for (number, row) in update.changed() {
            self.rows.set(number, row);
        }
        self.generation = next_generation();
        if update.rows() < before {
            self.line = self.generation;
            self.changed = Arc::default();
        }
        let numbers = update.changed().map(|(number, _)| number);
        let mut blocks: Vec<_> = numbers
            .filter(|number| *number < before)
            .map(|number| number / BLOCK_ROWS)
            .collect();
        blocks.dedup();
        if !blocks.is_empty() {
            let changed = Arc::make_mut(&mut self.changed);
            for block in blocks {
                let new = (block, self.generation);
                match changed.binary_search_by_key(&block, |(block, _)| *block) {
                    Ok(at) => changed[at] = new,
                    Err(at) => changed.insert(at, new),
                }
            }
        }
    }

    /// The blocks with rows that were changed since an earlier snapshot, if this one has come from it without taking a
    /// row away. Rows that were appended do not count.
    pub fn changed_since(&self, line: u64, generation: u64) -> Option<impl Iterator<Item = usize>> {
        let since =
            move |(block, changed): &(usize, u64)| (*changed > generation).then_some(*block);
        (self.line == line && self.generation >= generation)
            .then(|| self.changed.iter().filter_map(since))
    }

    /// What `changed_since` asks for.
    pub fn line(&self) -> u64 {
        self.line
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
