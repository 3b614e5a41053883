// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two suites of other people's that show whether a directory behaves as POSIX and Linux say.
//!
//! Both are installed by cargo, in the versions that the committed expectations belong to:
//! `cargo install --locked pjdfstest@0.2.2 fsx@0.3.2`.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use thiserror::Error;

const PJDFSTEST_CONFIGURATION: &str = include_str!("../data/posix/pjdfstest.toml");
const PJDFSTEST_EXPECTED: &str = include_str!("../data/posix/pjdfstest.expected");
const FSX_CONFIGURATION: &str = include_str!("../data/posix/fsx.toml");

/// Why a suite did not pass.
#[derive(Debug, Error)]
pub enum Failure {
    #[error(
        "{program} cannot be run: {source}; install it: cargo install --locked pjdfstest@0.2.2 fsx@0.3.2"
    )]
    Program { program: PathBuf, source: io::Error },
    #[error("the suite's files could not be written: {0}")]
    Files(io::Error),
    #[error("{program} gave no results: {output}")]
    NoResults { program: PathBuf, output: String },
    #[error("not as expected: {}", .0.join("; "))]
    Unexpected(Vec<String>),
    #[error("fsx found wrong data: {0}")]
    WrongData(String),
}

/// Runs pjdfstest in `directory`, and returns how many of its cases passed.
///
/// Every case that is not expected to fail or to be skipped must pass, and every other must not.
pub fn pjdfstest(program: &Path, directory: &Path) -> Result<usize, Failure> {
    let configuration = temporary_file(PJDFSTEST_CONFIGURATION)?;
    let output = run(Command::new(program)
        .arg("--configuration-file")
        .arg(configuration.path())
        .arg("--path")
        .arg(directory))?;
    let results = parse_results(&String::from_utf8_lossy(&output.stdout));
    let passed = results.iter().filter(|(_, status)| status == "ok").count();
    if passed == 0 {
        return Err(Failure::NoResults {
            program: program.to_owned(),
            output: transcript(&output),
        });
    }
    compare(&results)?;
    Ok(passed)
}

/// Makes `operations` random changes to a new file, which must read back as they were made.
pub fn fsx(program: &Path, file: &Path, seed: u64, operations: u64) -> Result<(), Failure> {
    let configuration = temporary_file(FSX_CONFIGURATION)?;
    let artifacts = tempfile::tempdir().map_err(Failure::Files)?;
    let output = run(Command::new(program)
        .arg("-f")
        .arg(configuration.path())
        .arg("-P")
        .arg(artifacts.path())
        .args(["-S", &seed.to_string(), "-N", &operations.to_string()])
        .arg(file))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Failure::WrongData(transcript(&output))),
    }
}

fn temporary_file(content: &str) -> Result<tempfile::NamedTempFile, Failure> {
    let file = tempfile::NamedTempFile::new().map_err(Failure::Files)?;
    std::fs::write(&file, content).map_err(Failure::Files)?;
    Ok(file)
}

fn run(command: &mut Command) -> Result<Output, Failure> {
    command.stdin(Stdio::null()).output().map_err(|source| {
        let program = command.get_program().into();
        Failure::Program { program, source }
    })
}

fn transcript(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy);
    text.concat().trim().to_owned()
}

/// The cases and what became of them: `name   status`, a line each; details of a case are indented.
fn parse_results(output: &str) -> BTreeSet<(String, String)> {
    output
        .lines()
        .filter(|line| !line.starts_with(char::is_whitespace))
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| name.contains("::"))
        .map(|(name, status)| (name.to_owned(), status.trim().to_owned()))
        .collect()
}

fn compare(results: &BTreeSet<(String, String)>) -> Result<(), Failure> {
    let expected: BTreeSet<(String, String)> = PJDFSTEST_EXPECTED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(name, status)| (name.to_owned(), status.trim().to_owned()))
        .collect();
    let not_passed = results.iter().filter(|(_, status)| status != "ok");
    let mut surprises: Vec<String> = not_passed
        .filter(|result| !expected.contains(result))
        .map(|(name, status)| format!("{name}: {status}"))
        .collect();
    let missing = expected.iter().filter(|result| !results.contains(result));
    surprises.extend(missing.map(|(name, status)| format!("{name}: no longer {status}")));
    match surprises.is_empty() {
        true => Ok(()),
        false => Err(Failure::Unexpected(surprises)),
    }
}
