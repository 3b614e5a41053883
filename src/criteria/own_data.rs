// SPDX-License-Identifier: MIT OR Apache-2.0
//! The user's own vectors (`docs/own-data.md`): read, and refused if they cannot be searched, before anything boots.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::anns::{Hit, Metric};
use crate::bench;
use crate::dataset::formats;
use crate::dataset::hdf5::{Hdf5, TEST, TRAIN};
use crate::dataset::rows::{Doubles, Rows};
use crate::dataset::source::Given;
use crate::dataset::workload::Vectors;
use crate::dataset::{Fault, FileError, Matrix, ReadError};

use super::file_truth;
use crate::criteria::check::Finding;
use crate::machine::room;

/// How many rows there must be for each one that is taken as a query, where there are no queries.
const ROWS_A_QUERY: usize = 10;

/// The options with which the user asks for a run on vectors.
#[derive(Clone, Debug)]
pub struct Options {
    pub file: PathBuf,
    pub queries: Option<PathBuf>,
    /// How many of the file's rows are taken, from the first on.
    pub rows: Option<usize>,
    /// How many queries are taken at most, from the first on.
    pub query_rows: usize,
    pub metric: Option<Metric>,
    pub k: u32,
    /// The number of guests that will have the vectors at the same time.
    pub boots: u64,
}

/// Vectors that can be searched, and all that is known of them.
pub struct OwnData {
    pub vectors: Vectors,
    pub given: Given,
    pub metric: Metric,
    /// The exact answers, by the scalar reference.
    pub truth: Vec<Vec<Hit>>,
    pub origin: Origin,
}

/// What is known of the vectors besides their elements: where they come from, and what else the file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    pub record: Record,
    /// The file's neighbours, compared with ours.
    pub file_truth: Finding,
}

/// What a verdict says about the vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The file's name without its folder.
    pub file: String,
    pub file_blake3: String,
    /// The BLAKE3 of the file with the queries, if that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries_file_blake3: Option<String>,
    /// Rows that are searched.
    pub rows: usize,
    /// Rows of the file.
    pub of_rows: usize,
    pub dim: usize,
    pub queries: usize,
    pub queries_from: String,
    pub metric: Metric,
    pub metric_from: String,
}

impl Record {
    /// The whole record in a person's words.
    pub fn sentence(&self) -> String {
        format!(
            "{}: {} of {} rows, {} elements each; {} queries: {}; metric {}: {}",
            self.file,
            self.rows,
            self.of_rows,
            self.dim,
            self.queries,
            self.queries_from,
            self.metric,
            self.metric_from
        )
    }
}

impl OwnData {
    pub fn read(options: &Options) -> Result<OwnData> {
        let file = &options.file;
        let hdf5 = match formats::is_hdf5(file) {
            true => Some(Hdf5::open(file).map_err(|error| FileError::new(file, error))?),
            false => None,
        };
        let said = match &hdf5 {
            Some(hdf5) => hdf5
                .distance()
                .map_err(|error| FileError::new(file, error))?,
            None => None,
        };
        let (metric, metric_from) = metric(options, said.as_deref())?;

        let source = open(file, TRAIN)?;
        let (of_rows, dim) = (source.rows, source.dim);
        let taken = of_rows.min(options.rows.unwrap_or(usize::MAX));
        let mut asked = Queries::find(options, hdf5.as_ref(), taken)?;
        asked.fit(file, dim)?;
        let rows = taken - asked.taken_out();
        ensure!(rows > 0, "{}: it has no rows", file.display());
        room::check(file, rows, dim, asked.count, options.boots)?;

        let vectors = split(
            read(file, source, taken, metric)?,
            asked.read(metric)?,
            rows,
        );
        let record = Record {
            file: name(file),
            file_blake3: hash(file)?,
            queries_file_blake3: options.queries.as_deref().map(hash).transpose()?,
            rows,
            of_rows,
            dim,
            queries: asked.count,
            queries_from: asked.words,
            metric,
            metric_from,
        };
        let never = |_| Ok::<(), std::convert::Infallible>(());
        let Ok(truth) = bench::truth(&vectors.vectors, &vectors.queries, metric, options.k, never);
        let file_truth = match (hdf5, others_neighbours(options, said.as_deref(), &record)) {
            (None, _) => Finding::skipped("only an HDF5 file brings neighbours"),
            (Some(_), Some(why)) => Finding::skipped(format!("the file's neighbours are {why}")),
            (Some(hdf5), None) => file_truth::compare(&hdf5, &vectors, metric, &truth)
                .map_err(|error| FileError::new(file, error))?,
        };
        Ok(OwnData {
            given: Given::of(record.file.clone(), &vectors),
            vectors,
            metric,
            truth,
            origin: Origin { record, file_truth },
        })
    }
}

/// Why the file's neighbours, if it has any, are not those that a search finds.
fn others_neighbours(options: &Options, said: Option<&str>, record: &Record) -> Option<String> {
    if options.queries.is_some() {
        Some("of its own queries, which are not asked".to_owned())
    } else if record.rows < record.of_rows {
        Some(format!(
            "among all its {} rows, of which {} are searched",
            record.of_rows, record.rows
        ))
    } else {
        let said = said.filter(|said| metric_named(said) != Some(record.metric))?;
        Some(format!("{said}, which is not asked for"))
    }
}

/// The metric, and who says so.
fn metric(options: &Options, said: Option<&str>) -> Result<(Metric, String)> {
    if let Some(metric) = options.metric {
        return Ok((metric, "asked for".to_owned()));
    }
    let Some(said) = said else {
        return Ok((Metric::default(), "nothing else is said".to_owned()));
    };
    match metric_named(said) {
        Some(metric) => Ok((metric, format!("the file's `distance` is {said}"))),
        None => bail!(
            "{}: its distance is `{said}`, which VexFS has no metric for; ask for another by --metric",
            options.file.display()
        ),
    }
}

/// The metric of this name in ann-benchmarks.
fn metric_named(name: &str) -> Option<Metric> {
    match name {
        "euclidean" | "l2" => Some(Metric::L2),
        "angular" | "cosine" => Some(Metric::Cosine),
        "dot" | "ip" => Some(Metric::InnerProduct),
        _ => None,
    }
}

/// Where the queries are.
struct Queries {
    count: usize,
    words: String,
    /// The file of the queries; none where they are the last of the rows themselves.
    apart: Option<(PathBuf, Rows)>,
}

impl Queries {
    fn find(options: &Options, hdf5: Option<&Hdf5>, rows: usize) -> Result<Queries> {
        let file = &options.file;
        let (path, of) = match (&options.queries, hdf5) {
            (Some(path), _) => (path, format!("in {}", name(path))),
            (None, Some(hdf5))
                if hdf5
                    .has(TEST)
                    .map_err(|error| FileError::new(file, error))? =>
            {
                (file, format!("in its `{TEST}`"))
            }
            (None, _) => {
                let count = options.query_rows.min(rows / ROWS_A_QUERY);
                ensure!(
                    count > 0,
                    "{}: of {rows} rows none can be spared as a query; name a file with queries by --queries",
                    file.display()
                );
                return Ok(Queries {
                    count,
                    words: format!("the last {count} of {rows} rows, which are not searched"),
                    apart: None,
                });
            }
        };
        let source = open(path, TEST)?;
        ensure!(source.rows > 0, "{}: it has no queries", path.display());
        let count = options.query_rows.min(source.rows);
        Ok(Queries {
            count,
            words: format!("the first {count} of {} {of}", source.rows),
            apart: Some((path.clone(), source)),
        })
    }

    fn fit(&self, file: &Path, dim: usize) -> Result<()> {
        if let Some((path, queries)) = &self.apart {
            ensure!(
                queries.dim == dim,
                "{}: its queries have {} elements, but the rows of {} have {dim}",
                path.display(),
                queries.dim,
                file.display()
            );
        }
        Ok(())
    }

    /// The number of rows that become queries.
    fn taken_out(&self) -> usize {
        match self.apart {
            Some(_) => 0,
            None => self.count,
        }
    }

    fn read(&mut self, metric: Metric) -> Result<Option<Matrix>> {
        let Some((path, source)) = self.apart.take() else {
            return Ok(None);
        };
        read(&path, source, self.count, metric).map(Some)
    }
}

fn open(path: &Path, dataset: &str) -> Result<Rows> {
    formats::open(path, dataset, Doubles::Exact).map_err(|error| FileError::new(path, error).into())
}

/// Reads the first `count` rows, if a search by `metric` can use them all.
fn read(path: &Path, source: Rows, count: usize, metric: Metric) -> Result<Matrix> {
    let matrix = source.read_first(count);
    let matrix = matrix.map_err(|error| FileError::new(path, error))?;
    if metric == Metric::Cosine
        && let Some(row) = matrix
            .inverse_lengths()
            .iter()
            .position(|length| *length == 0.0)
    {
        let fault = Fault::NoLength;
        return Err(FileError::new(path, ReadError::Malformed { row, fault }).into());
    }
    Ok(matrix)
}

/// Splits vectors into the rows that are searched and the queries: those given, or those behind the rows.
fn split(all: Matrix, queries: Option<Matrix>, rows: usize) -> Vectors {
    match queries {
        Some(queries) => Vectors {
            vectors: all,
            queries,
        },
        None => {
            let (vectors, queries) = all.split_at(rows);
            Vectors { vectors, queries }
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn hash(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    File::open(path)
        .and_then(|file| hasher.update_reader(file).map(drop))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hasher.finalize().to_string())
}
