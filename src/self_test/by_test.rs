// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs tests on a copy of the checkout in which a mutant is planted.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use super::finding::Notice;
use super::mutant::Mutant;
use super::planting::{mirror, plant, take_out};
use crate::bundle::source_tree::SourceTree;

/// What tests are made of, and what they read.
const COPIED: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "benches",
    "docs",
    "kernel",
    "peers",
    "src",
    "tests",
    "vm",
];

/// A copy of the checkout that stays from one self-test to the next, like what was compiled of it.
pub struct ByTest {
    source: PathBuf,
    target: PathBuf,
}

impl ByTest {
    /// Brings the copy up to date.
    pub fn prepare(tree: &SourceTree) -> Result<ByTest> {
        let dir = tree.cache().join("self-test");
        let source = dir.join("source");
        std::fs::create_dir_all(&source)
            .with_context(|| format!("cannot create {}", source.display()))?;
        for name in COPIED {
            mirror(&tree.root().join(name), &source.join(name))?;
        }
        Ok(ByTest {
            source,
            target: dir.join("target"),
        })
    }

    /// Demands that these tests pass as the checkout is, and that there are some.
    pub fn passes_without(&self, suite: &str, filter: &str) -> Result<()> {
        self.compile(suite)?;
        let (passed, said) = self.run(suite, filter)?;
        ensure!(
            passed,
            "the tests {suite} {filter} do not pass without a mutant: {said}"
        );
        let some = said
            .lines()
            .any(|line| line.starts_with("test result: ok.") && !line.contains(" 0 passed"));
        ensure!(some, "the suite {suite} has no test {filter}");
        Ok(())
    }

    /// Plants the mutant, runs the tests, and takes it out again.
    pub fn notices(&self, mutant: &Mutant, suite: &str, filter: &str) -> Result<Vec<Notice>> {
        plant(mutant, &self.source)?;
        let tried = self.compile(suite).and_then(|()| self.run(suite, filter));
        take_out(mutant, &self.source)?;
        let (passed, said) = tried?;
        if passed {
            return Ok(Vec::new());
        }
        let failed = said.lines().find(|line| line.ends_with("FAILED"));
        let Some(failed) = failed else {
            bail!("the tests {suite} {filter} ended without a word about a test: {said}");
        };
        Ok(vec![Notice {
            by: mutant.noticed_by.to_string(),
            said: failed.to_owned(),
        }])
    }

    fn compile(&self, suite: &str) -> Result<()> {
        let (shell, target, which) = self.arguments(suite)?;
        cmd!(shell, "cargo test --quiet --locked --no-run {which...}")
            .quiet()
            .env("CARGO_TARGET_DIR", target)
            .env("CARGO_PROFILE_TEST_DEBUG", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .run()
            .with_context(|| format!("the tests of {suite} do not compile"))
    }

    /// Whether the tests passed, and what they said.
    fn run(&self, suite: &str, filter: &str) -> Result<(bool, String)> {
        let (shell, target, which) = self.arguments(suite)?;
        let output = cmd!(shell, "cargo test --locked {which...} -- {filter}")
            .quiet()
            .env("CARGO_TARGET_DIR", target)
            .env("CARGO_PROFILE_TEST_DEBUG", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .ignore_status()
            .ignore_stderr()
            .output()
            .context("cargo does not run")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok((output.status.success(), said))
    }

    fn arguments(&self, suite: &str) -> Result<(Shell, &PathBuf, Vec<String>)> {
        let shell = Shell::new()?;
        shell.change_dir(&self.source);
        let which = match suite {
            "lib" => vec!["--lib".to_owned()],
            suite => vec!["--test".to_owned(), suite.to_owned()],
        };
        Ok((shell, &self.target, which))
    }
}
