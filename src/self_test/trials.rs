// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tries mutants one after the other, or several at a time.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::by_machine::ByMachine;
use super::by_test::ByTest;
use super::finding::{Finding, is_met};
use super::mutant::{Guard, Mutant};
use super::stand::Stand;
use crate::bundle::machine_kind::MachineKind;
use crate::bundle::source_tree::SourceTree;
use crate::criteria::Criteria;

pub struct Asked {
    pub tree: SourceTree,
    pub mutants: Vec<Mutant>,
    pub criteria: Criteria,
    /// The `vexfs` tool.
    pub tool: PathBuf,
    pub patience: Duration,
    /// How many machines at a time.
    pub jobs: usize,
    /// Whether a mutant that was caught before, as the same module and by the same criteria, is not tried again.
    pub resume: bool,
    /// The directory for what each mutant leaves.
    pub out: PathBuf,
}

/// The finding of a mutant in its directory.
const FINDING: &str = "finding.json";

impl Asked {
    /// Tries all, in the order in which they are given. Fails if what is tried does not pass without a mutant.
    pub fn run(&self, tell: &(dyn Fn(&str) + Sync)) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let machines: BTreeSet<MachineKind> = self
            .of_machines()
            .map(|(_, mutant, _)| mutant.machine)
            .collect();
        for machine in machines {
            findings.extend(self.on_machine(machine, tell)?);
        }
        findings.extend(self.by_tests(tell)?);
        findings.sort_by_key(|(number, _)| *number);
        Ok(findings.into_iter().map(|(_, finding)| finding).collect())
    }

    fn of_machines(&self) -> impl Iterator<Item = (usize, &Mutant, &str)> {
        let numbered = self.mutants.iter().enumerate();
        numbered.filter_map(|(number, mutant)| match &mutant.noticed_by {
            Guard::Check { id, .. } => Some((number, mutant, &**id)),
            Guard::Test { .. } => None,
        })
    }

    fn on_machine(
        &self,
        machine: MachineKind,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Vec<(usize, Finding)>> {
        let stand = Stand::prepare(&self.tree, machine, &|line| tell(line))?;
        let by_machine = ByMachine {
            tree: &self.tree,
            stand: &stand,
            criteria: &self.criteria,
            tool: &self.tool,
            patience: self.patience,
            without: self.out.join("without"),
            in_full: OnceLock::new(),
        };
        tell("without a mutant");
        let checks = self
            .of_machines()
            .filter(|(_, mutant, _)| mutant.machine == machine)
            .map(|(_, _, check)| check)
            .collect();
        by_machine.passes_without(&checks)?;
        tell("without a mutant: pass");

        let waiting: Vec<_> = self
            .of_machines()
            .filter(|(_, mutant, _)| mutant.machine == machine)
            .collect();
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::new());
        let work = |worker: usize| -> Result<()> {
            if self.jobs > 1 {
                stay_on_processor(worker)?;
            }
            while let Some((number, mutant, check)) =
                waiting.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let finding = self.tried(mutant, |finding| {
                    self.boot(&by_machine, mutant, check, finding)
                })?;
                tell(&finding.line());
                let mut found = found.lock().expect("no worker has panicked");
                found.push((*number, finding));
            }
            Ok(())
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..self.jobs)
                .map(|worker| scope.spawn(move || work(worker)))
                .collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().expect("a worker has panicked"))
        })?;
        Ok(found.into_inner().expect("no worker has panicked"))
    }

    fn boot(
        &self,
        by_machine: &ByMachine,
        mutant: &Mutant,
        check: &str,
        finding: &mut Finding,
    ) -> Result<()> {
        let logs = self.logs(mutant);
        let built = by_machine.build(Some(mutant))?;
        let key = built.key(&self.criteria)?;
        if let Some(before) = self.known(mutant, &key) {
            finding.noticed = before.noticed;
        } else {
            finding.noticed = by_machine.notices(&built, mutant, check, &logs)?;
        }
        finding.key = Some(key);
        Ok(())
    }

    fn by_tests(&self, tell: &(dyn Fn(&str) + Sync)) -> Result<Vec<(usize, Finding)>> {
        let numbered = self.mutants.iter().enumerate();
        let waiting: Vec<_> = numbered
            .filter_map(|(number, mutant)| match &mutant.noticed_by {
                Guard::Test { suite, filter } => Some((number, mutant, suite, filter)),
                Guard::Check { .. } => None,
            })
            .collect();
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let by_test = ByTest::prepare(&self.tree)?;
        let guards: BTreeSet<_> = waiting
            .iter()
            .map(|(_, _, suite, filter)| (*suite, *filter))
            .collect();
        for (suite, filter) in guards {
            tell(&format!("tests {suite} {filter} without a mutant"));
            by_test.passes_without(suite, filter)?;
        }
        let tried = waiting.into_iter().map(|(number, mutant, suite, filter)| {
            let finding = self.tried(mutant, |finding| {
                finding.noticed = by_test.notices(mutant, suite, filter)?;
                Ok(())
            })?;
            tell(&finding.line());
            Ok((number, finding))
        });
        tried.collect()
    }

    /// Tries a mutant, and writes down what came of it.
    fn tried(
        &self,
        mutant: &Mutant,
        work: impl FnOnce(&mut Finding) -> Result<()>,
    ) -> Result<Finding> {
        let begun = Instant::now();
        let mut finding = Finding::new(mutant);
        let done = work(&mut finding);
        finding.failure = done.err().map(|error| format!("{error:#}"));
        finding.seconds = begun.elapsed().as_secs_f64();
        let path = self.logs(mutant).join(FINDING);
        fs::create_dir_all(self.logs(mutant))
            .and_then(|()| fs::write(&path, serde_json::to_vec_pretty(&finding)?))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(finding)
    }

    fn logs(&self, mutant: &Mutant) -> PathBuf {
        self.out.join(&mutant.class).join(&mutant.name)
    }

    /// What was found out before about what this key says, if the mutant was caught as it says now.
    fn known(&self, mutant: &Mutant, key: &str) -> Option<Finding> {
        let before = read(&self.logs(mutant).join(FINDING)).filter(|_| self.resume)?;
        let caught = is_met(&mutant.noticed_by.to_string(), &before.noticed);
        (before.key.as_deref() == Some(key) && caught).then_some(before)
    }
}

/// A finding that was written down, if that is there and whole.
fn read(path: &Path) -> Option<Finding> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// A machine stays on the last processor that it may use: so each worker gets one of its own, as far as there are some.
fn stay_on_processor(worker: usize) -> Result<()> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).context("the processors are not known")?;
    let processors: Vec<_> = (0..CpuSet::count())
        .filter(|&processor| allowed.is_set(processor).unwrap_or(false))
        .collect();
    let mut only = CpuSet::new();
    only.set(processors[worker % processors.len()])?;
    sched_setaffinity(this, &only).context("cannot stay on one processor")
}
