// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs index build|update|tune|info|verify|drop`: a file per subcommand.

mod build;
mod drop;
mod files;
mod info;
mod parameters;
mod quality;
mod threads;
mod tune;
mod update;
mod verify;
mod watched;

pub use build::Interrupted;

/// Build, update, tune, look at, check and remove the indexes of a vector file.
///
/// An index of FILE.fvecs is a file beside it: FILE.fvecs.hnsw, .ivf, .pq or .lsh. `vexfs search` and `vexfs bench`
/// search by it with --kind and --metric.
#[derive(clap::Subcommand)]
pub enum Command {
    Build(Box<build::Arguments>),
    Update(update::Arguments),
    Tune(tune::Arguments),
    Info(info::Arguments),
    Verify(verify::Arguments),
    Drop(drop::Arguments),
}

pub fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Build(arguments) => build::run(arguments),
        Command::Update(arguments) => update::run(arguments),
        Command::Tune(arguments) => tune::run(arguments),
        Command::Info(arguments) => info::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Drop(arguments) => drop::run(arguments),
    }
}
