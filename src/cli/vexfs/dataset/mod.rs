// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs dataset generate|hash|import`

mod import;
mod input;

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;

use super::destination::Destination;
use super::interruption::Interruption;
use super::output::{print_json, print_line};
use crate::dataset::workload::{Name, Vectors, Workload};
use crate::dataset::{fvecs, hash};

/// Generate, identify and import vectors.
#[derive(clap::Subcommand)]
pub enum Command {
    Generate(Generate),
    Hash(Hash),
    Import(import::Arguments),
}

/// Write a seeded workload: vectors.fvecs and queries.fvecs.
#[derive(clap::Args)]
pub struct Generate {
    /// Which workload.
    #[arg(long, value_enum)]
    workload: Name,
    #[command(flatten)]
    size: Size,
    /// The folder to write to; made if it is not there.
    #[arg(long)]
    out: PathBuf,
}

/// Print the BLAKE3 of vectors: of their little-endian f32 elements, without headers.
#[derive(clap::Args)]
pub struct Hash {
    /// An .fvecs file.
    #[arg(required_unless_present = "workload", conflicts_with = "workload")]
    file: Option<PathBuf>,
    /// A seeded workload, generated in memory: its vectors, then its queries.
    #[arg(long, value_enum)]
    workload: Option<Name>,
    #[command(flatten)]
    size: Size,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Size {
    /// The seed of the workload's generator.
    #[arg(long, default_value_t = Workload::new(Name::Inherited).seed)]
    seed: u64,
    /// Vectors to generate.
    #[arg(long, default_value_t = Workload::new(Name::Inherited).rows)]
    rows: usize,
    /// Elements of each vector.
    #[arg(long, default_value_t = Workload::new(Name::Inherited).dim)]
    dim: usize,
    /// Queries to generate.
    #[arg(long, default_value_t = Workload::new(Name::Inherited).queries)]
    queries: usize,
}

impl Size {
    fn of(&self, name: Name) -> Workload {
        let Size {
            seed,
            rows,
            dim,
            queries,
        } = *self;
        Workload {
            name,
            seed,
            rows,
            dim,
            queries,
        }
    }
}

pub fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Generate(arguments) => generate(arguments),
        Command::Hash(arguments) => print_hash(arguments),
        Command::Import(arguments) => import::run(arguments),
    }
}

fn generate(arguments: &Generate) -> anyhow::Result<()> {
    let Vectors { vectors, queries } = arguments.size.of(arguments.workload).generate()?;
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("cannot make the folder {}", arguments.out.display()))?;
    let interruption = Interruption::watch()?;
    for (name, rows) in [("vectors.fvecs", &vectors), ("queries.fvecs", &queries)] {
        let path = arguments.out.join(name);
        Destination::of_vectors(&path)?.write(&interruption, |mut output| {
            for row in rows.iter() {
                interruption.check()?;
                fvecs::encode_row(&mut output, row)?;
            }
            Ok(())
        })?;
        print_line(&format!("{}  {}", hash::rows(rows), path.display()))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct WorkloadReport {
    #[serde(flatten)]
    workload: Workload,
    vectors_blake3: String,
    queries_blake3: String,
}

#[derive(Serialize)]
struct FileReport {
    rows: usize,
    dim: usize,
    blake3: String,
}

fn print_hash(arguments: &Hash) -> anyhow::Result<()> {
    if let Some(name) = arguments.workload {
        let workload = arguments.size.of(name);
        let Vectors { vectors, queries } = workload.generate()?;
        let [vectors_blake3, queries_blake3] =
            [&vectors, &queries].map(|rows| hash::rows(rows).to_string());
        if arguments.json {
            return print_json(&WorkloadReport {
                workload,
                vectors_blake3,
                queries_blake3,
            });
        }
        return print_line(&format!(
            "{vectors_blake3}  vectors\n{queries_blake3}  queries"
        ));
    }
    let path = arguments.file.as_deref().context("no file")?;
    let rows = fvecs::read(path)?;
    let blake3 = hash::rows(&rows).to_string();
    if arguments.json {
        return print_json(&FileReport {
            rows: rows.rows(),
            dim: rows.dim(),
            blake3,
        });
    }
    print_line(&blake3)
}
