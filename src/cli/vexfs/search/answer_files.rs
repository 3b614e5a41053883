// SPDX-License-Identifier: MIT OR Apache-2.0
//! The answers to many queries as files, one row for each query.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use npyz::WriterBuilder;

use crate::anns::Hit;
use crate::store::replace;

/// The permissions of a new file, as far as the umask allows.
const NEW_FILE: u32 = 0o666;

/// Stands where a query found fewer rows than another.
const NO_ROW: i64 = -1;

/// Files for the answers, in the place of what is printed.
#[derive(clap::Args)]
pub struct AnswerFiles {
    /// Write the rows that were found into this file, whose name ends in .npy (64-bit integers) or .ivecs: one row for
    /// each query, with -1 where fewer were found.
    #[arg(long, value_name = "FILE", requires = "query_file", conflicts_with_all = ["row", "json"])]
    ids: Option<PathBuf>,
    /// Write their distances into this file, whose name ends in .npy (32-bit floats) or .fvecs, with an infinity where
    /// fewer were found.
    #[arg(long, value_name = "FILE", requires = "query_file", conflicts_with_all = ["row", "json"])]
    distances: Option<PathBuf>,
}

impl AnswerFiles {
    /// Whether there are any: nothing is printed then.
    pub fn are_wanted(&self) -> bool {
        self.ids.is_some() || self.distances.is_some()
    }

    /// Refuses names that say no format, and files that are read.
    pub fn check(&self, read: [&PathBuf; 2]) -> anyhow::Result<()> {
        for (path, vecs) in [(&self.ids, "ivecs"), (&self.distances, "fvecs")] {
            let Some(path) = path else { continue };
            ensure!(
                [Some("npy"), Some(vecs)].contains(&extension(path)),
                "cannot write {}: its name must end in .npy or .{vecs}",
                path.display()
            );
            let Ok(there) = fs::metadata(path) else {
                continue;
            };
            ensure!(
                there.is_file(),
                "cannot write {}: it is no file",
                path.display()
            );
            for input in read {
                let input = fs::metadata(input);
                if input.is_ok_and(|input| (input.dev(), input.ino()) == (there.dev(), there.ino()))
                {
                    bail!("cannot write {}: it is read", path.display());
                }
            }
        }
        ensure!(
            self.ids.is_none() || self.ids != self.distances,
            "ids and distances need a file each"
        );
        Ok(())
    }

    /// Writes what was found. Each file appears whole or not at all.
    pub fn write(&self, answers: &[Vec<Hit>]) -> anyhow::Result<()> {
        if let Some(path) = &self.ids {
            let of_hit = |hit: &Hit| i64::from(hit.row);
            match extension(path) {
                Some("npy") => put(path, |output| npy(output, answers, NO_ROW, of_hit)),
                _ => put(path, |output| {
                    let largest = answers.iter().flatten().map(|hit| hit.row).max();
                    if largest.is_some_and(|row| i32::try_from(row).is_err()) {
                        return Err(io::Error::other(
                            "its 32-bit integers cannot hold the number of a row; write .npy",
                        ));
                    }
                    vecs(output, answers, NO_ROW as i32, |hit| hit.row as i32)
                }),
            }?;
        }
        if let Some(path) = &self.distances {
            match extension(path) {
                Some("npy") => put(path, |output| {
                    npy(output, answers, f32::INFINITY, Hit::distance)
                }),
                _ => put(path, |output| {
                    vecs(output, answers, f32::INFINITY, Hit::distance)
                }),
            }?;
        }
        Ok(())
    }
}

/// What there is in each row of a file: of each hit, and then of none, up to the most hits of a query.
fn rows<T: Clone>(
    answers: &[Vec<Hit>],
    none: T,
    of_hit: impl Fn(&Hit) -> T,
) -> impl Iterator<Item = Vec<T>> {
    let width = width(answers);
    answers.iter().map(move |hits| {
        let mut row: Vec<T> = hits.iter().map(&of_hit).collect();
        row.resize(width, none.clone());
        row
    })
}

fn width(answers: &[Vec<Hit>]) -> usize {
    answers.iter().map(Vec::len).max().unwrap_or_default()
}

fn npy<T: npyz::AutoSerialize + Clone>(
    output: &mut dyn Write,
    answers: &[Vec<Hit>],
    none: T,
    of_hit: impl Fn(&Hit) -> T,
) -> io::Result<()> {
    let shape = [answers.len() as u64, width(answers) as u64];
    let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
    let mut writer = options.writer(output).begin_nd()?;
    writer.extend(rows(answers, none, of_hit).flatten())?;
    writer.finish()
}

fn vecs<T: bytemuck::NoUninit>(
    output: &mut dyn Write,
    answers: &[Vec<Hit>],
    none: T,
    of_hit: impl Fn(&Hit) -> T,
) -> io::Result<()> {
    rows(answers, none, of_hit).try_for_each(|row| {
        output.write_all(&(row.len() as u32).to_le_bytes())?;
        output.write_all(bytemuck::cast_slice(&row))
    })
}

fn put(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    // What a link leads to is written, and the link stays.
    let target = match path.is_symlink() {
        true => fs::canonicalize(path),
        false => Ok(path.to_owned()),
    };
    let written = target.and_then(|target| {
        replace::replace_with(&target, NEW_FILE, |file| {
            let mut output = BufWriter::new(file);
            write(&mut output)?;
            output.flush()
        })
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn extension(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}
