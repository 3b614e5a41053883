// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs index info`

use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::files::{Found, find, nothing_found};
use crate::anns::Metric;
use crate::anns::index::{Header, Kind, RECALL_WHOLE};
use crate::cli::vexfs::output::{print_json, print_line};
use crate::dataset::{Matrix, fvecs};
use crate::store::index_file;

/// Tell what indexes a vector file has: how they were built, what they cover, and whether the rows have changed since.
///
/// This looks at headers and rows; `vexfs index verify` checks all of an index.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vector file.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct IndexOutput {
    rows: u64,
    dim: usize,
    indexes: Vec<Described>,
}

#[derive(Serialize)]
struct Described {
    kind: Kind,
    path: PathBuf,
    bytes: u64,
    #[serde(flatten)]
    state: State,
}

#[derive(Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum State {
    /// The index belongs to the rows.
    Fits(Contents),
    /// Rows that the index covers were changed or removed.
    Stale(Contents),
    Malformed {
        reason: String,
    },
}

/// What a header says.
#[derive(Serialize)]
struct Contents {
    metric: Metric,
    dim: u32,
    /// Rows that are covered, from row 0 on.
    rows: u64,
    /// Rows that were appended later, and are searched exactly.
    tail: u64,
    /// Covered rows in blocks that were changed later, and are searched exactly; 0 if the index is stale.
    changed: u64,
    seed: u64,
    /// The effort of a search that asks for effort 0.
    effort: u32,
    /// The recall@10 of that effort, as the builder measured it, and with how many queries.
    recall: Option<f64>,
    recall_queries: u32,
    /// Whether candidates are looked for by exact distances, without codes.
    exact: bool,
    #[serde(serialize_with = "as_map")]
    parameters: Vec<(&'static str, u32)>,
}

/// Writes pairs as a map, in their order.
fn as_map<S: Serializer>(
    parameters: &[(&'static str, u32)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(parameters.iter().copied())
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let found = find(&arguments.file, None)?;
    let rows = fvecs::read(&arguments.file)?;
    let report = IndexOutput {
        rows: rows.rows() as u64,
        dim: rows.dim(),
        indexes: found.iter().map(|index| describe(index, &rows)).collect(),
    };
    if arguments.json {
        return print_json(&report);
    }
    if report.indexes.is_empty() {
        return print_line(&nothing_found(&arguments.file, None));
    }
    report
        .indexes
        .iter()
        .try_for_each(|index| print_line(&index.to_string()))
}

fn describe(found: &Found, rows: &Matrix) -> Described {
    let header = index_file::read_header(&found.file, found.bytes, found.kind);
    Described {
        kind: found.kind,
        path: found.path.clone(),
        bytes: found.bytes,
        state: match header {
            Ok(header) => compare(&header, found, rows),
            Err(fault) => State::Malformed {
                reason: fault.to_string(),
            },
        },
    }
}

fn compare(header: &Header, found: &Found, rows: &Matrix) -> State {
    let (covered, kind) = (header.rows, found.kind);
    let changed = changed(header, found, rows);
    let contents = Contents {
        metric: header.metric(),
        dim: header.dim,
        rows: covered,
        tail: (rows.rows() as u64).saturating_sub(covered),
        changed: changed.unwrap_or_default(),
        seed: header.seed,
        effort: header.effort,
        recall: (header.measured > 0).then(|| f64::from(header.recall) / f64::from(RECALL_WHOLE)),
        recall_queries: header.measured,
        exact: header.exact == 1,
        parameters: kind
            .parameters()
            .iter()
            .copied()
            .zip(header.param)
            .collect(),
    };
    match changed {
        Some(_) => State::Fits(contents),
        None => State::Stale(contents),
    }
}

/// How many covered rows lie in blocks that were changed, or nothing if the index is stale.
fn changed(header: &Header, found: &Found, rows: &Matrix) -> Option<u64> {
    if header.rows > rows.rows() as u64 || header.dim as usize != rows.dim() {
        return None;
    }
    if header.fingerprint(rows) == header.rows_crc {
        return Some(0);
    }
    // The header alone does not tell which rows have changed.
    let index = index_file::read(&found.file, found.bytes, found.kind).ok()?;
    Some(index.changes(rows).ok()?.rows() as u64)
}

impl std::fmt::Display for Described {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, bytes) = (self.path.display(), self.bytes);
        let (contents, state) = match &self.state {
            State::Malformed { reason } => {
                return write!(f, "{path}, {bytes} bytes: malformed: {reason}");
            }
            State::Fits(contents) => (contents, "belongs to the rows"),
            State::Stale(contents) => (
                contents,
                "stale: rows that it covers were changed or removed",
            ),
        };
        let parameters = contents.parameters.iter();
        let parameters: String = parameters
            .map(|(name, value)| format!("{name} {value}, "))
            .collect();
        let recall = match contents.recall {
            Some(recall) => format!(", which found {recall:.3} of the 10 nearest"),
            None => String::new(),
        };
        let changed = match contents.changed {
            0 => String::new(),
            rows => format!("{rows} rows in changed blocks and "),
        };
        write!(
            f,
            "{path}, {bytes} bytes: {state}\n  {} for {}, dimension {}: {parameters}seed {}; {} {} unless said otherwise{recall}\n  covers {} rows; {changed}{} appended rows are searched exactly",
            self.kind,
            contents.metric,
            contents.dim,
            contents.seed,
            self.kind.effort(),
            contents.effort,
            contents.rows,
            contents.tail,
        )
    }
}
