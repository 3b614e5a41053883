// SPDX-License-Identifier: MIT OR Apache-2.0
//! pjdfstest: some 400 cases of what POSIX asks of names, modes, owners and times. It takes root.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::running::{configuration, run, transcript};
use super::{Alive, SuiteError};

const CONFIGURATION: &str = include_str!("pjdfstest.toml");

/// What became of the cases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    pub passed: u32,
    /// The cases that did not pass, by name.
    pub others: BTreeMap<String, Other>,
}

/// A case that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// `skipped` or `FAILED`.
    pub status: String,
    /// The first line that the suite says about it.
    pub said: String,
}

/// What the cases need.
pub struct Bench<'a> {
    /// The directory that is looked at.
    pub directory: &'a Path,
    /// A directory on another filesystem, since some cases are about two.
    pub other: &'a Path,
    /// Where `mount`, `umount`, `which` and `sleep` are; on the path, if nothing is said.
    pub programs: Option<&'a Path>,
}

/// Runs all cases.
pub fn results(program: &Path, bench: &Bench<'_>, alive: Alive<'_>) -> Result<Results, SuiteError> {
    let configuration = configuration(CONFIGURATION)?;
    let mut command = Command::new(program);
    command
        .arg("--configuration-file")
        .arg(configuration.path())
        .arg("--secondary-fs")
        .arg(bench.other)
        .arg("--path")
        .arg(bench.directory)
        // Programs that it runs may leave files.
        .current_dir(bench.other);
    if let Some(programs) = bench.programs {
        command.env("PATH", programs);
    }
    let output = run(program, &mut command, alive)?;
    let results = parse(&String::from_utf8_lossy(&output.stdout));
    if results.passed == 0 {
        return Err(SuiteError::NoResults {
            program: program.to_owned(),
            output: transcript(&output),
        });
    }
    Ok(results)
}

/// A case is a line `NAME   STATUS`; what is said about it stands indented below.
fn parse(output: &str) -> Results {
    let mut results = Results::default();
    let mut last: Option<String> = None;
    for line in output.lines() {
        if line.starts_with(char::is_whitespace) {
            let other = last.as_ref().and_then(|name| results.others.get_mut(name));
            if let Some(other) = other.filter(|other| other.said.is_empty()) {
                other.said = line.trim().to_owned();
            }
            continue;
        }
        let case = line.split_once(' ').filter(|(name, _)| name.contains("::"));
        let Some((name, status)) = case else {
            continue;
        };
        last = None;
        match status.trim() {
            "ok" => results.passed += 1,
            status => {
                let other = Other {
                    status: status.to_owned(),
                    said: String::new(),
                };
                results.others.insert(name.to_owned(), other);
                last = Some(name.to_owned());
            }
        }
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_told_from_what_is_said_about_them() {
        let results = parse(
            "chmod::a::b       ok\nrename::c      skipped\n\tneeds: x::y\n\tmore\nlink::d   FAILED\n\
             \tassertion failed\n\nSummary: 1 failed, 1 skipped\n",
        );
        assert_eq!(results.passed, 1);
        let other = |status: &str, said: &str| Other {
            status: status.into(),
            said: said.into(),
        };
        let others = [
            ("rename::c".to_owned(), other("skipped", "needs: x::y")),
            ("link::d".to_owned(), other("FAILED", "assertion failed")),
        ];
        assert_eq!(results.others, others.into());
    }
}
