// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables of elements behind a header, without anything in between.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use crate::dataset::element::Element;
use crate::dataset::rows::{Doubles, Rows};
use crate::dataset::{Fault, ReadError};

/// About how many bytes of a table are in memory.
const BATCH: usize = 16 << 20;

/// Where the elements are, and what they are.
#[derive(Clone, Copy)]
pub(super) struct Table {
    /// The first element's place in the file.
    pub(super) offset: u64,
    pub(super) rows: u64,
    pub(super) dim: u64,
    pub(super) element: Element,
    pub(super) big_endian: bool,
}

impl Table {
    /// The place behind the last element, unless that is beyond all files.
    pub(super) fn end(&self) -> Option<u64> {
        let elements = self.rows.checked_mul(self.dim)?;
        let bytes = elements.checked_mul(self.element.bytes() as u64)?;
        bytes.checked_add(self.offset)
    }

    /// Refuses a file that does not end where the table does.
    pub(super) fn check_end(&self, file: &File) -> Result<(), ReadError> {
        let bytes = file.metadata()?.len();
        if self.end() == Some(bytes) {
            return Ok(());
        }
        let Table { rows, dim, .. } = self;
        let (size, kind) = (self.element.bytes(), plural(*rows));
        let expected = match self.end() {
            Some(end) => format!("makes {end} bytes"),
            None => "makes more bytes than a file can have".to_owned(),
        };
        let verdict = match self.end().is_some_and(|end| end < bytes) {
            true => "something follows that would be lost",
            false => "the rest is missing, so copy the file anew",
        };
        Err(ReadError::Unsupported(format!(
            "its header says {rows} {kind} of {dim} elements of {size} bytes, which {expected}, but it has {bytes}: {verdict}"
        )))
    }

    /// The table row by row, where the elements of a row are next to each other.
    pub(super) fn by_rows(self, mut file: File, doubles: Doubles) -> Result<Rows, ReadError> {
        file.seek(SeekFrom::Start(self.offset))?;
        let mut input = BufReader::with_capacity(256 << 10, file);
        let mut bytes = Vec::new();
        let read = move |index: usize, row: &mut [f32]| {
            bytes.resize(row.len() * self.element.bytes(), 0);
            input
                .read_exact(&mut bytes)
                .map_err(|error| cut_short(index, error))?;
            self.decode(index, &mut bytes, row, doubles)
        };
        Rows::new(self.rows, self.dim, Box::new(read))
    }

    /// The table row by row, where the elements of a column are next to each other.
    pub(super) fn by_columns(self, file: File, doubles: Doubles) -> Result<Rows, ReadError> {
        let size = self.element.bytes();
        let mut first = 0;
        let mut batch: Vec<u8> = Vec::new();
        let read = move |index: usize, row: &mut [f32]| {
            let width = row.len() * size;
            if (index - first) * width >= batch.len() {
                first = index;
                let left = self.rows as usize - index;
                self.transpose(&file, index, left.min((BATCH / width).max(1)), &mut batch)?;
            }
            let at = (index - first) * width;
            self.decode(index, &mut batch[at..at + width], row, doubles)
        };
        Rows::new(self.rows, self.dim, Box::new(read))
    }

    /// Reads `count` rows from row `first` on, of which a column is read at a time.
    fn transpose(
        &self,
        file: &File,
        first: usize,
        count: usize,
        batch: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let (dim, size) = (self.dim as usize, self.element.bytes());
        batch.resize(count * dim * size, 0);
        let mut column = vec![0; count * size];
        for at in 0..dim {
            let element = at as u64 * self.rows + first as u64;
            file.read_exact_at(&mut column, self.offset + element * size as u64)
                .map_err(|error| cut_short(first, error))?;
            for (row, bytes) in column.chunks_exact(size).enumerate() {
                let to = (row * dim + at) * size;
                batch[to..to + size].copy_from_slice(bytes);
            }
        }
        Ok(())
    }

    fn decode(
        &self,
        index: usize,
        bytes: &mut [u8],
        row: &mut [f32],
        doubles: Doubles,
    ) -> Result<(), ReadError> {
        if self.big_endian {
            let elements = bytes.chunks_exact_mut(self.element.bytes());
            elements.for_each(<[u8]>::reverse);
        }
        self.element.decode(index, bytes, row, doubles)
    }
}

fn plural(rows: u64) -> &'static str {
    match rows {
        1 => "row",
        _ => "rows",
    }
}

/// Turns an early end of the file into the fault of the row.
fn cut_short(row: usize, error: io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::Malformed {
            row,
            fault: Fault::Truncated,
        },
        _ => ReadError::Io(error),
    }
}

/// Reads a header, or says that there is none.
pub(super) fn read_header(input: &mut impl Read, header: &mut [u8]) -> Result<(), ReadError> {
    input
        .read_exact(header)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => header_cut_short(),
            _ => ReadError::Io(error),
        })
}

pub(super) fn header_cut_short() -> ReadError {
    ReadError::Unsupported("it ends within its header: copy the file anew".into())
}
