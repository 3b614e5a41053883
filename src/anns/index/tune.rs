// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chooses what effort 0 means, and writes the measured recall into the header.

use super::quality::{Quality, Sample};
use super::{BuildError, Bytes, Index, Progress};
use crate::dataset::Matrix;

/// What effort 0 is to mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// What the index has: it is only measured.
    AsItIs,
    /// What the index has, or the least effort above it that reaches a recall.
    AtLeast(f64),
    /// The least effort that reaches a recall.
    Recall(f64),
}

/// Measures an index of `rows` with `queries`, or with some of the rows, and sets its effort and its recall. Returns
/// the file, and what was measured. An index of a single row is not measured.
pub fn tune(
    index: Index,
    rows: &Matrix,
    queries: Option<&Matrix>,
    wanted: Wanted,
    threads: usize,
    progress: &dyn Progress,
) -> Result<(Bytes, Option<Quality>), BuildError> {
    let pool = super::build::pool(threads)?;
    let quality = pool.install(|| -> Result<Option<Quality>, BuildError> {
        let Some(sample) = Sample::of(&index, rows, queries, progress)? else {
            return Ok(None);
        };
        let effort = index.header().effort;
        match wanted {
            Wanted::AsItIs => sample.measure(&index, rows, effort, progress),
            Wanted::AtLeast(recall) => sample.reach(&index, rows, recall, effort, progress),
            Wanted::Recall(recall) => sample.reach(&index, rows, recall, 1, progress),
        }
        .map(Some)
    })?;
    let mut header = *index.header();
    let mut bytes = index.into_bytes();
    if let Some(quality) = &quality {
        header.effort = quality.effort;
        header.recall = quality.in_millionths();
        header.measured = quality.queries;
        header.version = header.version.max(2);
        header.write(&mut bytes);
    }
    Ok((bytes, quality))
}
