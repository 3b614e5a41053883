// SPDX-License-Identifier: MIT OR Apache-2.0
//! The index files beside a vector file.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::anns::index::{Index, Kind};
use crate::dataset::Matrix;
use crate::store::{index_file, is_vector_file_name};

/// Refuses a name that is no vector file's: drivers find an index only beside a vector file.
pub fn check_name(vectors: &Path) -> anyhow::Result<()> {
    ensure!(
        is_vector_file_name(vectors.file_name().unwrap_or(OsStr::new(""))),
        "{} is not the name of a vector file: rename it to end in .fvecs",
        vectors.display()
    );
    Ok(())
}

/// An index file that is there.
pub struct Found {
    pub kind: Kind,
    pub path: PathBuf,
    pub file: File,
    pub bytes: u64,
}

/// Opens the index files of a vector file: the one of a wanted kind, or all.
pub fn find(vectors: &Path, wanted: Option<Kind>) -> anyhow::Result<Vec<Found>> {
    check_name(vectors)?;
    let directory = match vectors.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = vectors.file_name().unwrap_or_default();
    let directory =
        File::open(directory).with_context(|| format!("cannot open {}", directory.display()))?;
    let mut found = Vec::new();
    let kinds = Kind::ALL.into_iter();
    for kind in kinds.filter(|kind| wanted.is_none_or(|wanted| wanted == *kind)) {
        let path = index_file::path(vectors, kind);
        let open = || {
            let file = index_file::open(&directory, &index_file::name(name, kind))?;
            file.map(|file| Ok((file.metadata()?.len(), file)))
                .transpose()
        };
        let opened: std::io::Result<_> = open();
        let opened = opened.with_context(|| format!("cannot open {}", path.display()))?;
        if let Some((bytes, file)) = opened {
            found.push(Found {
                kind,
                path,
                file,
                bytes,
            });
        }
    }
    Ok(found)
}

/// Refuses an index of vectors of another dimension. A file without rows has none.
pub fn check_dim(path: &Path, index: &Index, rows: &Matrix) -> anyhow::Result<()> {
    ensure!(
        index.header().dim as usize == rows.dim() || rows.is_empty(),
        "{} is of dimension {}, but the rows are of dimension {}",
        path.display(),
        index.header().dim,
        rows.dim()
    );
    Ok(())
}

/// The sentence for a vector file beside which there is no index, or none of this kind.
pub fn nothing_found(vectors: &Path, wanted: Option<Kind>) -> String {
    let vectors = vectors.display();
    let (kind, wanted) = match wanted {
        Some(kind) => (kind, format!("{kind} index")),
        None => (Kind::Hnsw, "index".to_owned()),
    };
    format!("{vectors} has no {wanted}: build one with `vexfs index build {vectors} --kind {kind}`")
}
