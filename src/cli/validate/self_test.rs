// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate self-test`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::output::{print, print_json, print_line, tell};
use crate::bundle::source_tree::SourceTree;
use crate::criteria::Criteria;
use crate::self_test::finding::{Fate, Finding, exit_code};
use crate::self_test::mutant::{Mutant, read_all};
use crate::self_test::table;
use crate::self_test::trials::Asked;

/// Plant bugs one after the other, and tell which check notices each
///
/// Each bug is a patch of tests/mutants. The module with it boots as User-Mode Linux; bugs of other sources are for
/// tests of a copy of the checkout. Before that, all must pass without a bug.
///
/// Exit status: 0 all were noticed, 1 one was not, 2 one could not be tried.
#[derive(Debug, clap::Args)]
pub struct SelfTestArgs {
    /// Only the mutants of this name or class; may be given again
    #[arg(long, value_name = "NAME|CLASS")]
    only: Vec<String>,
    /// The directory of the mutants, with their criteria.json [default: tests/mutants of the checkout]
    #[arg(long, value_name = "DIR")]
    mutants: Option<PathBuf>,
    /// Where to put what each mutant leaves [default: out/self-test of the checkout]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many machines at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    jobs: u8,
    /// Seconds without a word after which a guest is taken for hung
    #[arg(long, value_name = "SECONDS", default_value_t = 90)]
    patience: u64,
    /// Do not try again what an earlier self-test has caught, as the same module and by the same criteria
    #[arg(long)]
    resume: bool,
    /// List the mutants instead
    #[arg(long, conflicts_with_all = ["json", "markdown"])]
    list: bool,
    /// Print the findings as JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the table of docs/self-test.md
    #[arg(long)]
    markdown: bool,
}

#[derive(Serialize)]
struct Printed<'a> {
    mutants: usize,
    caught: usize,
    survived: usize,
    could_not_run: usize,
    findings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    fate: Fate,
    #[serde(flatten)]
    finding: &'a Finding,
}

impl SelfTestArgs {
    /// Prints what became of the mutants, and returns the exit status.
    pub fn run(self) -> Result<u8> {
        let tree = SourceTree::find()?;
        let dir = self.mutants.clone();
        let dir = dir.unwrap_or_else(|| tree.root().join("tests/mutants"));
        let mutants = self.chosen(read_all(&dir)?)?;
        if self.list {
            for mutant in &mutants {
                print_line(&format!("{mutant}: {} ({})", mutant.bug, mutant.noticed_by))?;
            }
            return Ok(0);
        }
        let program = std::env::current_exe().context("this program cannot be found")?;
        let out = self.out.clone();
        let asked = Asked {
            criteria: Criteria::read(Some(&dir.join("criteria.json")))?,
            tool: program.with_file_name("vexfs"),
            patience: Duration::from_secs(self.patience),
            jobs: self.jobs.into(),
            resume: self.resume,
            out: out.unwrap_or_else(|| tree.root().join("out/self-test")),
            mutants,
            tree,
        };
        let begun = Instant::now();
        let tell = |line: &str| tell(&format!("{:7.1} s  {line}", begun.elapsed().as_secs_f64()));
        let findings = asked.run(&tell)?;
        self.print(&findings)?;
        Ok(exit_code(&findings))
    }

    fn chosen(&self, all: Vec<Mutant>) -> Result<Vec<Mutant>> {
        for words in &self.only {
            ensure!(
                all.iter().any(|mutant| mutant.is_named(words)),
                "there is no mutant and no class {words}: see --list"
            );
        }
        let is_chosen = |mutant: &Mutant| {
            self.only.is_empty() || self.only.iter().any(|words| mutant.is_named(words))
        };
        Ok(all.into_iter().filter(is_chosen).collect())
    }

    fn print(&self, findings: &[Finding]) -> Result<()> {
        let count = |fates: &[Fate]| {
            let found = findings.iter();
            found
                .filter(|finding| fates.contains(&finding.fate()))
                .count()
        };
        let printed = Printed {
            mutants: findings.len(),
            caught: count(&[Fate::Caught, Fate::CaughtByAnother]),
            survived: count(&[Fate::Survived]),
            could_not_run: count(&[Fate::CouldNotRun]),
            findings: findings
                .iter()
                .map(|finding| Row {
                    fate: finding.fate(),
                    finding,
                })
                .collect(),
        };
        if self.json {
            return print_json(&printed);
        }
        if self.markdown {
            return print(&table::markdown(findings));
        }
        let open = findings.iter();
        let mut open = open.filter(|finding| finding.fate() != Fate::Caught);
        open.try_for_each(|finding| print_line(&finding.line()))?;
        print_line(&format!(
            "{} of {} mutants caught, {} by another check than named; {} survived, {} could not be tried",
            printed.caught,
            printed.mutants,
            count(&[Fate::CaughtByAnother]),
            printed.survived,
            printed.could_not_run
        ))
    }
}
