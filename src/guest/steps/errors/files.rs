// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file for each thing that can be wrong with a vector file or its index.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};

use super::request::DIM;
use crate::anns::file::Header;
use crate::anns::index::{self, Bytes, Kind, Parameters, Unobserved};
use crate::anns::{Metric, hnsw};
use crate::dataset::{Matrix, fvecs};
use crate::store::abi::{DIM_MAX, ROWS_MAX};
use crate::store::index_file;

/// A file with nothing wrong, and its rows.
pub const GOOD: &str = "good.fvecs";
pub const ROWS: u32 = 10;

/// Writes all of these files into `root`.
pub fn write(root: &Path) -> Result<()> {
    let rows = rows(DIM, ROWS, 0.0);
    let mut good = Vec::new();
    fvecs::encode(&mut good, &rows)?;

    let with = |tail: &[u8]| [&good, tail].concat();
    let row_of = |dim: u32, value: f32| {
        let mut row = dim.to_le_bytes().to_vec();
        (0..dim).for_each(|_| row.extend_from_slice(&value.to_le_bytes()));
        row
    };
    // As long as a row is, and says that it is longer.
    let mut other = row_of(DIM, 0.0);
    other[..4].copy_from_slice(&(DIM + 1).to_le_bytes());
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
        ("other.fvecs", with(&other)),
        ("nan.fvecs", with(&row_of(DIM, f32::NAN))),
        ("infinite.fvecs", with(&row_of(DIM, f32::INFINITY))),
        ("appended.fvecs", good.clone()),
        ("corrupt.fvecs", good.clone()),
        ("damaged.fvecs", good.clone()),
        ("cut.fvecs", good.clone()),
        ("wide.fvecs", good.clone()),
        ("renamed.fvecs", good.clone()),
        ("changed.fvecs", good.clone()),
        ("fewer.fvecs", good.clone()),
        ("link.fvecs", good.clone()),
        ("folder.fvecs", good.clone()),
    ] {
        write_file(&root.join(name), &content)?;
    }
    write_indexes(root, &rows)?;
    write_endless(&root.join("endless.fvecs"))?;
    let dir = root.join("dir.fvecs");
    fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))
}

fn rows(dim: u32, count: u32, first: f32) -> Matrix {
    let mut rows = Matrix::new(dim as usize);
    for row in 0..count {
        rows.push(&vec![first + row as f32; dim as usize]);
    }
    rows
}

fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes the HNSW indexes, each with the fault that the name of its file tells; `good.fvecs` has one that is sound,
/// for L2.
fn write_indexes(root: &Path, good: &Matrix) -> Result<()> {
    let sound = built(good)?;
    let mut corrupt = sound.to_vec();
    if let Some(byte) = corrupt.last_mut() {
        *byte ^= 1;
    }
    // The lowest bit of a float: all that tells is a checksum.
    let mut damaged = sound.to_vec();
    damaged[size_of::<Header>()] ^= 1;
    let appended = built(&rows(DIM, ROWS - 1, 0.0))?;
    let wide = built(&rows(DIM + 1, ROWS, 0.0))?;
    let changed = built(&rows(DIM, ROWS, 0.5))?;
    let more = built(&rows(DIM, ROWS + 1, 0.0))?;
    for (name, content) in [
        (GOOD, &sound[..]),
        ("nan.fvecs", &sound),
        ("empty.fvecs", &sound),
        ("appended.fvecs", &appended),
        ("corrupt.fvecs", &corrupt),
        ("damaged.fvecs", &damaged),
        ("cut.fvecs", &sound[..sound.len() - 1]),
        ("wide.fvecs", &wide),
        ("changed.fvecs", &changed),
        ("fewer.fvecs", &more),
    ] {
        write_file(&index_file::path(&root.join(name), Kind::Hnsw), content)?;
    }
    // Of another kind than its name says.
    write_file(
        &index_file::path(&root.join("renamed.fvecs"), Kind::Ivf),
        &sound,
    )?;
    let index = |name: &str| index_file::path(&root.join(name), Kind::Hnsw);
    let link = index("link.fvecs");
    symlink("good.fvecs.hnsw", &link)
        .with_context(|| format!("cannot create {}", link.display()))?;
    let folder = index("folder.fvecs");
    fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))
}

fn built(rows: &Matrix) -> Result<Bytes> {
    let parameters = Parameters::Hnsw(hnsw::Parameters::default());
    let built = index::build(rows, Metric::L2, &parameters, 42, 1, &Unobserved);
    built.context("cannot build an index")
}

/// Writes one row of one element, and then nothing but a size: there is room for one row more than can be numbered.
fn write_endless(path: &Path) -> Result<()> {
    let row = 8;
    File::create(path)
        .and_then(|mut file| {
            file.write_all(&[1, 0, 0, 0, 0, 0, 0, 0])?;
            file.set_len((u64::from(ROWS_MAX) + 1) * row)
        })
        .with_context(|| format!("cannot write {}", path.display()))
}
