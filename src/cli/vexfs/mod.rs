// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs`, the user's tool: a file per subcommand.

mod bench;
mod dataset;
mod destination;
mod filter;
mod index;
mod info;
mod interruption;
mod mount;
mod mount_helper;
mod output;
mod progress;
mod search;
mod usage;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use super::completions::CompletionsArgs;
use crate::system::output::tell;

/// Search vectors where they live: in files.
///
/// Works on any mount of VexFS (kernel module or FUSE) and on plain .fvecs files.
/// Exit status: 0 done, 1 failed (the reason is on standard error), 2 wrong usage, 130 interrupted (Ctrl-C).
#[derive(Parser)]
#[command(name = "vexfs", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Mount(mount::MountArgs),
    Search(search::Arguments),
    Info(info::Arguments),
    #[command(subcommand)]
    Index(index::Command),
    #[command(subcommand)]
    Dataset(dataset::Command),
    Bench(bench::Arguments),
    Completions(CompletionsArgs),
}

/// The whole command line, for what is generated from it.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// The command line of the helper of mount(8), likewise.
pub fn mount_helper() -> clap::Command {
    mount_helper::command()
}

/// The exit status after Ctrl-C: the one that a shell gives a process that SIGINT has killed.
const INTERRUPTED: u8 = 130;

/// Runs the tool with this process's arguments.
pub fn main() -> ExitCode {
    if mount_helper::is_called(std::env::args_os().next().as_deref()) {
        return mount_helper::main();
    }
    let result = match Arguments::parse().command {
        Command::Mount(arguments) => mount::run(&arguments),
        Command::Search(arguments) => search::run(&arguments),
        Command::Info(arguments) => info::run(&arguments),
        Command::Index(command) => index::run(&command),
        Command::Dataset(command) => dataset::run(&command),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Completions(arguments) => arguments.run(command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(wrong) = error.downcast_ref::<usage::WrongUsage>() {
                wrong.exit(command());
            }
            tell(&format!("vexfs: {error:#}"));
            let interrupted =
                error.is::<index::Interrupted>() || error.is::<interruption::Interrupted>();
            match interrupted {
                true => ExitCode::from(INTERRUPTED),
                false => ExitCode::FAILURE,
            }
        }
    }
}
