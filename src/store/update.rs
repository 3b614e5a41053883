// SPDX-License-Identifier: MIT OR Apache-2.0
//! What makes the rows of a vector file as it was those of the file as it is: the rows that were touched, read anew.

use std::fs::File;
use std::io::BufReader;
use std::ops::Range;

use super::reading::FromByte;
use super::touched::Touched;
use crate::dataset::{Fault, Matrix, Pieces, ROWS_MAX, ReadError, fvecs, same_bits};

/// A file of which more than one part in so many was touched is read as a whole.
const PART: u64 = 4;
/// So much may have been touched in any file.
const FREE_BYTES: u64 = 1 << 20;

/// What is read at a time, at most.
const BUFFER: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Update {
    /// How many rows there are now.
    rows: usize,
    /// The rows that are others now, each run by the number of its first.
    runs: Vec<(usize, Matrix)>,
}

impl Update {
    /// Reads what was touched of a file that has `bytes` bytes now, and of which `old` are the rows as they were.
    /// Nothing comes back where the whole file is to be read instead.
    pub fn read(
        file: &File,
        bytes: u64,
        touched: &Touched,
        old: &Pieces,
    ) -> Result<Option<Self>, ReadError> {
        // The first four bytes tell the dimension of all rows.
        if old.is_empty() || bytes == 0 || touched.meets(0..4) || old.is_worn() {
            return Ok(None);
        }
        let row_bytes = fvecs::row_bytes(old.dim());
        let rows = bytes / row_bytes;
        if rows > ROWS_MAX as u64 {
            return Err(ReadError::TooManyRows);
        }
        let records = touched.records(row_bytes, rows);
        let many: u64 = records.iter().map(|run| run.end - run.start).sum();
        if many * row_bytes > (bytes / PART).max(FREE_BYTES) {
            return Ok(None);
        }
        let mut runs = Vec::new();
        for run in records {
            read_run(file, run, old, &mut runs)?;
        }
        if !bytes.is_multiple_of(row_bytes) {
            let before = rows * row_bytes;
            return Err(ReadError::Malformed {
                row: rows as usize,
                fault: Fault::HalfRow { before },
            });
        }
        let rows = rows as usize;
        Ok(Some(Update { rows, runs }))
    }

    /// Whether all rows are as they were.
    pub fn is_empty(&self, old: &Pieces) -> bool {
        self.rows == old.rows() && self.runs.is_empty()
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The first row that is another one.
    pub fn first_row(&self) -> usize {
        self.runs.first().map_or(self.rows, |(first, _)| *first)
    }

    /// The rows that are others, by their numbers, in their order.
    pub fn changed(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.runs.iter().flat_map(|(first, rows)| {
            let numbered = rows.iter().enumerate();
            numbered.map(move |(number, row)| (first + number, row))
        })
    }
}

/// Reads rows that follow each other, and keeps the runs of those that are not as they were.
fn read_run(
    file: &File,
    run: Range<u64>,
    old: &Pieces,
    runs: &mut Vec<(usize, Matrix)>,
) -> Result<(), ReadError> {
    let row_bytes = fvecs::row_bytes(old.dim());
    let bytes = (run.end - run.start).saturating_mul(row_bytes);
    let offset = run.start * row_bytes;
    let capacity = bytes.min(BUFFER as u64) as usize;
    let mut input = BufReader::with_capacity(capacity, FromByte { file, offset });
    let mut row = vec![0.0; old.dim()];
    for number in run.start as usize..run.end as usize {
        fvecs::decode_row(&mut input, number, &mut row)?;
        let same = number < old.rows() && same_bits(old.row(number), &row);
        if same {
            continue;
        }
        match runs.last_mut() {
            Some((first, rows)) if *first + rows.rows() == number => {
                rows.try_reserve(1)?;
                rows.push(&row);
            }
            _ => runs.push((number, Matrix::from_row(&row))),
        }
    }
    Ok(())
}
