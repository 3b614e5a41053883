// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files that power cuts are tried on. All of their content follows from a seed, so that whoever finds a part of it
//! knows whether it is sound.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::building::build;
use crate::anns::{Metric, index};
use crate::dataset::Matrix;
use crate::dataset::fvecs;

pub const DIM: usize = 32;

/// The vector file has no more rows.
pub const MOST_ROWS: usize = 1200;

/// The odd number nearest to 2^64 by the golden ratio.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The bytes of a row in the file.
pub const ROW_BYTES: u64 = 4 + 4 * DIM as u64;

/// How an index gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacing {
    /// It is written under another name, stored, and renamed: there is always a whole one.
    Renamed,
    /// It is written over: a cut may leave a part of it.
    WrittenOver,
}

pub fn replacing(kind: index::Kind) -> Replacing {
    match kind {
        index::Kind::Hnsw | index::Kind::Ivf => Replacing::Renamed,
        index::Kind::Pq | index::Kind::Lsh => Replacing::WrittenOver,
    }
}

pub fn vectors(dir: &Path) -> PathBuf {
    dir.join("rows.fvecs")
}

pub fn index(dir: &Path, kind: index::Kind) -> PathBuf {
    dir.join(format!("rows.fvecs.{}", kind.extension()))
}

/// One row of the file.
pub fn row(seed: u64, number: usize) -> [f32; DIM] {
    let element = |column: usize| {
        let place = (number * DIM + column) as u64;
        // 24 bits: a float has no more.
        (mixed(seed ^ place.wrapping_mul(STRIDE)) >> 40) as f32 / (1 << 24) as f32
    };
    std::array::from_fn(element)
}

/// The first rows of the file.
pub fn rows(seed: u64, count: usize) -> Matrix {
    let mut rows = Matrix::new(DIM);
    for number in 0..count {
        rows.push(&row(seed, number));
    }
    rows
}

/// Rows as they lie in the file.
pub fn encoded(seed: u64, numbers: std::ops::Range<usize>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for number in numbers {
        fvecs::encode_row(&mut bytes, &row(seed, number))?;
    }
    Ok(bytes)
}

/// The one index that covers the first `count` rows.
pub fn built(seed: u64, count: usize, kind: index::Kind) -> Result<Vec<u8>> {
    build(&rows(seed, count), Metric::L2, kind)
}

/// One step of SplitMix64.
pub fn mixed(x: u64) -> u64 {
    let mut x = x.wrapping_add(STRIDE);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_differ_and_lie_in_the_file_as_they_are() {
        let rows = rows(7, 20);
        assert_ne!(rows.row(0), rows.row(1));
        assert_ne!(row(7, 0), row(8, 0));
        let bytes = encoded(7, 0..20).unwrap();
        assert_eq!(bytes.len() as u64, 20 * ROW_BYTES);
        let read = fvecs::decode(&bytes[..], bytes.len() as u64).unwrap();
        assert_eq!(read.row(19), rows.row(19));
    }
}
