// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two suites of other people's that show whether a directory behaves as POSIX and Linux say: pjdfstest and fsx.
//!
//! Both are built from the registry of crates, in the versions of `programs.txt`, to which the expectations belong.

pub mod expected;
pub mod fsx;
pub mod pjdfstest;
pub mod programs;
mod running;

use std::io;
use std::path::PathBuf;

/// Called every now and then while a suite runs.
pub type Alive<'a> = &'a dyn Fn();

/// Why a suite gave no results.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    #[error("{program} cannot be run: {error}; vm/build-suites.sh builds it")]
    Program { program: PathBuf, error: io::Error },
    #[error("the files of a suite could not be written: {0}")]
    Files(io::Error),
    #[error("{program} gave no results: {output}")]
    NoResults { program: PathBuf, output: String },
}
