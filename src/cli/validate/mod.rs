// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate`: from sources to a verdict.

mod assemble;
mod bare_metal;
pub mod bundle;
mod compare;
mod deep;
mod history;
mod image;
mod lint_kernel;
mod manual;
mod new_run;
mod output;
mod pack;
mod peers_disk;
mod report;
mod reproduce;
mod run;
mod self_test;
mod shell;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use output::{COULD_NOT_RUN, tell};

use super::completions::CompletionsArgs;
use crate::cli::vexfs;
use crate::host::{fuse, peers, scratch, terminal};

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
    Assemble(assemble::AssembleArgs),
    PeersDisk(peers_disk::PeersDiskArgs),
    Run(run::RunArgs),
    Shell(shell::ShellArgs),
    Report(report::ReportArgs),
    History(history::HistoryArgs),
    Pack(pack::PackArgs),
    Reproduce(reproduce::ReproduceArgs),
    Compare(compare::CompareArgs),
    BareMetal(bare_metal::BareMetalArgs),
    Image(image::ImageArgs),
    ImageResults(image::ImageResultsArgs),
    LintKernel(lint_kernel::LintKernelArgs),
    SelfTest(self_test::SelfTestArgs),
    Manual(manual::ManualArgs),
    Completions(CompletionsArgs),
    /// Carry out what standard input asks, in a user namespace
    #[command(name = fuse::COMMAND, hide = true)]
    ObserveHost,
    /// Compare as standard input asks, in a user namespace
    #[command(name = peers::COMMAND, hide = true)]
    CompareOnHost,
    /// Remove a directory of this program's when standard input ends
    #[command(hide = true)]
    Sweep {
        dir: PathBuf,
    },
    /// Make a terminal what it was when standard input ends
    #[command(hide = true)]
    RestoreTerminal,
}

pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bundle(args) => args.run().map(|()| 0),
        Command::Assemble(args) => args.run().map(|()| 0),
        Command::PeersDisk(args) => args.run().map(|()| 0),
        Command::Run(args) => args.run(),
        Command::Shell(args) => args.run(),
        Command::Report(args) => args.run().map(|()| 0),
        Command::History(args) => args.run().map(|()| 0),
        Command::Pack(args) => args.run().map(|()| 0),
        Command::Reproduce(args) => args.run(),
        Command::Compare(args) => args.run(),
        Command::BareMetal(args) => args.run(),
        Command::Image(args) => args.run().map(|()| 0),
        Command::ImageResults(args) => args.run(),
        Command::LintKernel(args) => args.run().map(|()| 0),
        Command::SelfTest(args) => args.run(),
        Command::Manual(args) => args
            .run([vexfs::command(), Cli::command()], vexfs::mount_helper())
            .map(|()| 0),
        Command::Completions(args) => args.run(Cli::command()).map(|()| 0),
        Command::ObserveHost => fuse::observe_in_namespace().map(|()| 0),
        Command::CompareOnHost => peers::observe_in_namespace().map(|()| 0),
        Command::RestoreTerminal => terminal::restore_when_alone().map(|()| 0),
        Command::Sweep { dir } => scratch::sweep(&dir).map(|()| 0),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            tell(&format!("vexfs-validate: {error:#}"));
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}
