// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate`: from sources to a verdict.

pub mod bundle;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Validates the kernel module of VexFS in a virtual machine
#[derive(Debug, Parser)]
#[command(name = "vexfs-validate", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bundle(bundle::BundleArgs),
}

/// The status of a command that could not do its work.
const COULD_NOT_RUN: u8 = 2;

pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bundle(args) => args.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vexfs-validate: {error:#}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}
