// SPDX-License-Identifier: MIT OR Apache-2.0
//! `completions`, which both programs have

use clap::Command;
use clap_complete::{Shell, generate};

use crate::system::output::print;

/// Print what makes a shell complete this program's commands and options
///
/// For bash: `source <(PROGRAM completions bash)` in ~/.bashrc. For zsh: the output as the file _PROGRAM in a directory
/// of $fpath. For fish: the output as ~/.config/fish/completions/PROGRAM.fish.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionsArgs {
    /// Prints the completions of `program`, a whole command line.
    pub fn run(&self, program: Command) -> anyhow::Result<()> {
        // `help COMMAND` prints what `COMMAND --help` does.
        let mut program = program.disable_help_subcommand(true);
        let name = program.get_name().to_owned();
        let mut script = Vec::new();
        generate(self.shell, &mut program, name, &mut script);
        print(&String::from_utf8(script)?)
    }
}
