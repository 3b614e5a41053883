// SPDX-License-Identifier: MIT OR Apache-2.0
//! fsx: random changes to one file, by every call that Linux has for it. All must read back as they were made.

use std::path::Path;
use std::process::Command;

use super::running::{configuration, run, transcript};
use super::{Alive, SuiteError};

const CONFIGURATION: &str = include_str!("fsx.toml");

/// Lines of what fsx says about wrong data that are kept: what it saw, and not all operations before it.
const KEPT_LINES: usize = 8;

/// Makes `operations` random changes to a new file. Returns what fsx found wrong, if anything is.
pub fn wrong(
    program: &Path,
    file: &Path,
    seed: u64,
    operations: u64,
    alive: Alive<'_>,
) -> Result<Option<String>, SuiteError> {
    let configuration = configuration(CONFIGURATION)?;
    let artifacts = tempfile::tempdir().map_err(SuiteError::Files)?;
    let mut command = Command::new(program);
    command
        .arg("-f")
        .arg(configuration.path())
        .arg("-P")
        .arg(artifacts.path())
        .args(["-S", &seed.to_string(), "-N", &operations.to_string()])
        .arg(file);
    let output = run(program, &mut command, alive)?;
    Ok((!output.status.success()).then(|| {
        let said = transcript(&output);
        let lines: Vec<_> = said.lines().take(KEPT_LINES).collect();
        format!("{}: {}", output.status, lines.join("; "))
    }))
}
