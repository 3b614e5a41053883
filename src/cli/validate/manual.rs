// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate manual`

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Command, ValueEnum};
use clap_complete::Shell;

/// Write the man pages and shell completions of vexfs, vexfs-validate and mount.fuse.vexfs, for a packager
///
/// They go to man/ and completions/ in DIR. Completions are named as clap names them: NAME.bash, NAME.fish, _NAME.
#[derive(Debug, clap::Args)]
pub struct ManualArgs {
    /// The directory to write to; made if it is not there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

impl ManualArgs {
    /// Writes the files of `programs`, the whole command lines of both programs, and the man page of the helper.
    pub fn run(&self, programs: [Command; 2], mount_helper: Command) -> anyhow::Result<()> {
        let (man, completions) = (self.dir.join("man"), self.dir.join("completions"));
        for dir in [&man, &completions] {
            fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        }
        for command in programs {
            // `help COMMAND` prints what `COMMAND --help` does.
            let mut command = command.disable_help_subcommand(true);
            let name = command.get_name().to_owned();
            for shell in Shell::value_variants() {
                clap_complete::generate_to(*shell, &mut command, &name, &completions)
                    .with_context(|| format!("cannot write to {}", completions.display()))?;
            }
            clap_mangen::generate_to(command, &man)
                .with_context(|| format!("cannot write to {}", man.display()))?;
        }
        let page = clap_mangen::Man::new(mount_helper).section("8");
        page.generate_to(&man)
            .with_context(|| format!("cannot write to {}", man.display()))?;
        Ok(())
    }
}
