// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate peers-disk`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bundle::peers_disk::make;
use crate::bundle::python_files::PythonFiles;

/// Make the disk from which a guest runs the peers
///
/// `run` makes one by itself from its --peers. The same files give the same disk. This takes mke2fs and debugfs
/// (e2fsprogs).
#[derive(Debug, clap::Args)]
pub struct PeersDiskArgs {
    #[command(flatten)]
    from: From,
    /// Where to put the disk
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct From {
    /// A Python that has the engines of peers/requirements.txt; the disk gets it, its modules, and the libraries that
    /// they need
    #[arg(long, value_name = "PYTHON")]
    peers: Option<PathBuf>,
    /// Paths from the root on, one a line, which together need nothing else
    #[arg(long, value_name = "FILE")]
    closure: Option<PathBuf>,
}

impl PeersDiskArgs {
    pub fn run(self) -> Result<()> {
        let files = match (self.from.peers, self.from.closure) {
            (Some(python), _) => PythonFiles::of(&super::new_run::interpreter(&python)?)?,
            (None, list) => {
                let list = list.context("neither a Python nor a list of paths is given")?;
                let paths = fs::read_to_string(&list)
                    .with_context(|| format!("cannot read {}", list.display()))?;
                PythonFiles::of_closure(paths.lines().map(Path::new))?
            }
        };
        make(&files, &self.out)
    }
}
