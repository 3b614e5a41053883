// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wrong usage that clap itself cannot see.

use clap::Command;
use clap::error::ErrorKind;

/// Flags of a subcommand that do not go together.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub struct WrongUsage {
    pub subcommand: &'static [&'static str],
    pub fault: String,
}

impl WrongUsage {
    /// Ends the process as clap does, with the usage of the subcommand of `program`.
    pub fn exit(&self, mut program: Command) -> ! {
        program.build();
        let subcommand = self
            .subcommand
            .iter()
            .try_fold(&mut program, |command, name| {
                command.find_subcommand_mut(name)
            });
        subcommand
            .expect("the subcommand whose flags these are")
            .error(ErrorKind::ArgumentConflict, &self.fault)
            .exit()
    }
}
