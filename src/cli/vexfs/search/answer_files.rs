// SPDX-License-Identifier: MIT OR Apache-2.0
//! The answers to many queries as files, one row for each query.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use npyz::WriterBuilder;

use crate::anns::Hit;
use crate::cli::vexfs::destination::{Destination, Unwritten};
use crate::cli::vexfs::interruption::Interruption;

/// Stands where a query found fewer rows than another.
const NO_ROW: i64 = -1;

/// Names of files for the answers, in the place of what is printed.
#[derive(clap::Args)]
pub struct AnswerFileArgs {
    /// Write the rows that were found into this file, whose name ends in .npy (64-bit integers) or .ivecs: one row for
    /// each query, with -1 where fewer were found.
    #[arg(long, value_name = "FILE", requires = "query_file", conflicts_with_all = ["row", "json"])]
    ids: Option<PathBuf>,
    /// Write their distances into this file, whose name ends in .npy (32-bit floats) or .fvecs, with an infinity where
    /// fewer were found.
    #[arg(long, value_name = "FILE", requires = "query_file", conflicts_with_all = ["row", "json"])]
    distances: Option<PathBuf>,
}

/// Files for the answers that may be written.
pub struct AnswerFiles {
    ids: Option<AnswerFile>,
    distances: Option<AnswerFile>,
}

struct AnswerFile {
    format: Format,
    destination: Destination,
}

enum Format {
    Npy,
    /// As in .fvecs and .ivecs: each row after the number of its elements.
    Vecs,
}

impl AnswerFileArgs {
    /// Refuses names that say no format, and what must not be written over, such as the files that are read.
    pub fn find(&self, read: [&Path; 2]) -> anyhow::Result<AnswerFiles> {
        let find = |path: &Option<PathBuf>, vecs| {
            let path = path.as_deref();
            path.map(|path| AnswerFile::find(path, vecs, read))
                .transpose()
        };
        let files = AnswerFiles {
            ids: find(&self.ids, "ivecs")?,
            distances: find(&self.distances, "fvecs")?,
        };
        if let (Some(ids), Some(distances)) = (&files.ids, &files.distances) {
            ensure!(
                !ids.destination.is_same_file(&distances.destination),
                "ids and distances need a file each"
            );
        }
        Ok(files)
    }
}

impl AnswerFile {
    fn find(path: &Path, vecs: &str, read: [&Path; 2]) -> anyhow::Result<Self> {
        let format = match path.extension() {
            Some(extension) if extension == "npy" => Format::Npy,
            Some(extension) if extension == vecs => Format::Vecs,
            _ => bail!(
                "cannot write {}: its name must end in .npy or .{vecs}",
                path.display()
            ),
        };
        let destination = Destination::of_file(path)?;
        for input in read {
            ensure!(
                !fs::metadata(input).is_ok_and(|input| destination.is(&input)),
                "cannot write {}: it is read",
                path.display()
            );
        }
        Ok(AnswerFile {
            format,
            destination,
        })
    }
}

impl AnswerFiles {
    /// Whether there are any: nothing is printed then.
    pub fn are_wanted(&self) -> bool {
        self.ids.is_some() || self.distances.is_some()
    }

    /// Writes what was found. Each file appears whole or not at all.
    pub fn write(&self, interruption: &Interruption, answers: &[Vec<Hit>]) -> anyhow::Result<()> {
        if let Some(file) = &self.ids {
            let of_hit = |hit: &Hit| i64::from(hit.row);
            file.destination
                .write(interruption, |output| match file.format {
                    Format::Npy => Ok(npy(output, answers, NO_ROW, of_hit)?),
                    Format::Vecs => ivecs(output, answers),
                })?;
        }
        if let Some(file) = &self.distances {
            file.destination.write(interruption, |output| {
                let written = match file.format {
                    Format::Npy => npy(output, answers, f32::INFINITY, Hit::distance),
                    Format::Vecs => vecs(output, answers, f32::INFINITY, Hit::distance),
                };
                Ok(written?)
            })?;
        }
        Ok(())
    }
}

fn ivecs(output: &mut dyn Write, answers: &[Vec<Hit>]) -> Result<(), Unwritten> {
    let largest = answers.iter().flatten().map(|hit| hit.row).max();
    if largest.is_some_and(|row| i32::try_from(row).is_err()) {
        return Err(Unwritten::Output(io::Error::other(
            "its 32-bit integers cannot hold the number of a row; write .npy",
        )));
    }
    Ok(vecs(output, answers, NO_ROW as i32, |hit| hit.row as i32)?)
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
