// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file for each thing that can be wrong with a vector file.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use super::request::DIM;
use crate::dataset::{Matrix, fvecs};
use crate::store::abi::{DIM_MAX, ROWS_MAX};

/// A file with nothing wrong, and its rows.
pub const GOOD: &str = "good.fvecs";
pub const ROWS: u32 = 10;

/// Writes them all into `root`.
pub fn write(root: &Path) -> Result<()> {
    let mut rows = Matrix::new(DIM as usize);
    for row in 0..ROWS {
        rows.push(&[row as f32; DIM as usize]);
    }
    let mut good = Vec::new();
    fvecs::encode(&mut good, &rows)?;

    let with = |tail: &[u8]| [&good, tail].concat();
    let row_of = |dim: u32, value: f32| {
        let mut row = dim.to_le_bytes().to_vec();
        (0..dim).for_each(|_| row.extend_from_slice(&value.to_le_bytes()));
        row
    };
    for (name, content) in [
        (GOOD, good.clone()),
        ("notes.txt", good.clone()),
        (".fvecs", good.clone()),
        ("empty.fvecs", Vec::new()),
        ("truncated.fvecs", good[..good.len() - 1].to_vec()),
        ("stub.fvecs", with(&[4, 0])),
        ("zero.fvecs", row_of(0, 0.0)),
        ("huge.fvecs", row_of(DIM_MAX + 1, 0.0)),
        ("changes.fvecs", with(&row_of(DIM + 1, 0.0))),
        ("nan.fvecs", with(&row_of(DIM, f32::NAN))),
        ("infinite.fvecs", with(&row_of(DIM, f32::INFINITY))),
    ] {
        let path = root.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    write_endless(&root.join("endless.fvecs"))?;
    let dir = root.join("dir.fvecs");
    fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))
}

/// One row of one element, and then nothing but a size: room for one row more than can be numbered.
fn write_endless(path: &Path) -> Result<()> {
    let row = 8;
    File::create(path)
        .and_then(|mut file| {
            file.write_all(&[1, 0, 0, 0, 0, 0, 0, 0])?;
            file.set_len((u64::from(ROWS_MAX) + 1) * row)
        })
        .with_context(|| format!("cannot write {}", path.display()))
}
