// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs a program of a suite to its end.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::{Alive, SuiteError};

/// The time between two signs of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// Runs `program` with these arguments, and calls `alive` until it ends.
pub fn run(program: &Path, command: &mut Command, alive: Alive<'_>) -> Result<Output, SuiteError> {
    command.stdin(Stdio::null());
    let (ended, end) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            // Whoever asked waits for this.
            let _ = ended.send(command.output());
        });
        loop {
            match end.recv_timeout(SIGN_OF_LIFE) {
                Ok(output) => {
                    return output.map_err(|error| SuiteError::Program {
                        program: program.to_owned(),
                        error,
                    });
                }
                Err(RecvTimeoutError::Timeout) => alive(),
                Err(RecvTimeoutError::Disconnected) => unreachable!("the thread sends once"),
            }
        }
    })
}

/// What it wrote, for people.
pub fn transcript(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy);
    text.concat().trim().to_owned()
}

/// Makes a file with what a program is to be told.
pub fn configuration(content: &str) -> Result<tempfile::NamedTempFile, SuiteError> {
    let file = tempfile::NamedTempFile::new().map_err(SuiteError::Files)?;
    std::fs::write(&file, content).map_err(SuiteError::Files)?;
    Ok(file)
}
