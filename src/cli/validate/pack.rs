// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate pack`

use std::path::PathBuf;

use anyhow::Result;

use super::output::{print_json, print_line};
use crate::records::pack::pack;
use crate::records::source::RunSource;

/// Put a finished run into one file, for others to verify and reproduce
///
/// The same run gives the same bytes. Its id, which is printed, stands for every file in it. A run is refused if it is
/// not complete, or if its files, judged again, do not give its own verdict. The pack also holds `statement.json`, an
/// in-toto test result. docs/records.md
#[derive(Debug, clap::Args)]
pub struct PackArgs {
    /// The run's directory, or an image that has run
    #[arg(default_value = "out/latest")]
    run: PathBuf,
    /// The pack [default: vexfs-ID.tar.gz, with the first 16 digits of its id]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print file and id as JSON
    #[arg(long)]
    json: bool,
}

impl PackArgs {
    pub fn run(self) -> Result<()> {
        let packed = pack(&RunSource::open(&self.run)?, self.out.as_deref())?;
        if self.json {
            return print_json(&packed);
        }
        print_line(&format!("{}: pack {}", packed.file.display(), packed.id))
    }
}
