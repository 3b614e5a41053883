// SPDX-License-Identifier: MIT OR Apache-2.0
//! Boots a mutant of the module, and tells which checks fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::finding::{Notice, is_met};
use super::mutant::Mutant;
use super::planting::{mirror, plant};
use super::stand::Stand;
use crate::bundle::peers_disk::DiskSource;
use crate::bundle::source_tree::SourceTree;
use crate::bundle::{Bundle, MODULE};
use crate::criteria::Criteria;
use crate::criteria::check::Status;
use crate::machine::accelerator::Requested;
use crate::run::{RunRequest, run};
use crate::verdict::fate::Fate;
use crate::verdict::{Verdict, Word};

/// Checks that are asked of every boot: a machine that dies, or complains, has noticed.
const ALWAYS: [&str; 2] = ["kernel.log", "guest.completed"];

pub struct ByMachine<'a> {
    pub tree: &'a SourceTree,
    pub stand: &'a Stand,
    pub criteria: &'a Criteria,
    /// The `vexfs` tool, which a run may need.
    pub tool: &'a Path,
    /// How long a guest may say nothing before it is taken for dead.
    pub patience: Duration,
    /// Where boots without a mutant leave their logs.
    pub without: PathBuf,
    /// Whether all checks pass without a mutant: asked once a mutant is looked at by all of them.
    pub in_full: OnceLock<Result<(), String>>,
}

/// A mutant that is built.
pub struct Built {
    bundle: Bundle,
    _dir: tempfile::TempDir,
}

impl Built {
    /// Which module it is, and what is asked of it.
    pub fn key(&self, criteria: &Criteria) -> Result<String> {
        let module = self.bundle.manifest().files.get(MODULE);
        let module = module.context("a bundle without a module")?;
        Ok(format!("{} {}", module.blake3, criteria.blake3))
    }
}

impl ByMachine<'_> {
    /// Demands that the module passes these checks as it is in the checkout: else they say nothing about a mutant.
    pub fn passes_without(&self, checks: &BTreeSet<&str>) -> Result<()> {
        self.passes(self.reduced_to(checks)?, "quick")
    }

    /// Demands that it passes all of them.
    fn passes_in_full(&self) -> Result<()> {
        let passes = || {
            let passed = self.passes(self.criteria.clone(), "all");
            passed.map_err(|error| format!("{error:#}"))
        };
        self.in_full
            .get_or_init(passes)
            .clone()
            .map_err(|error| anyhow!(error))
    }

    fn passes(&self, criteria: Criteria, logs: &str) -> Result<()> {
        let built = self.build(None)?;
        let verdict = self.boot(&built, criteria, &self.without.join(logs))?;
        if verdict.verdict == Word::Pass {
            return Ok(());
        }
        let found = verdict.checks.iter();
        let found = found.filter(|check| check.status != Status::Pass);
        let found: Vec<_> = found
            .map(|check| format!("{} {}: {}", check.id, check.status.word(), check.measured))
            .collect();
        bail!(
            "the module does not pass without a mutant, so nothing was planted: {}",
            found.join("; ")
        )
    }

    /// Builds the module of the checkout with the mutant in it, if there is one.
    pub fn build(&self, mutant: Option<&Mutant>) -> Result<Built> {
        let dir = self.stand.scratch()?;
        let source = dir.path().join("kernel");
        mirror(&self.tree.module_source(), &source)?;
        if let Some(mutant) = mutant {
            plant(mutant, dir.path())?;
        }
        let bundle = self.stand.bundle(&source, &dir.path().join("bundle"))?;
        Ok(Built { bundle, _dir: dir })
    }

    /// Asks for the check that must notice, and for all others if it does not. What others say counts if they say it
    /// twice: a host that is too busy must not be taken for a check that notices.
    pub fn notices(
        &self,
        built: &Built,
        mutant: &Mutant,
        check: &str,
        logs: &Path,
    ) -> Result<Vec<Notice>> {
        let expected = mutant.noticed_by.to_string();
        let quick = self.reduced_to(&BTreeSet::from([check]))?;
        let noticed = failed(&self.boot(built, quick, &logs.join("quick"))?)?;
        if is_met(&expected, &noticed) {
            return Ok(noticed);
        }
        self.passes_in_full()?;
        let all = || failed(&self.boot(built, self.criteria.clone(), &logs.join("all"))?);
        let mut first = all()?;
        if first.is_empty() || is_met(&expected, &first) {
            return Ok(first);
        }
        let again = all()?;
        first.retain(|notice| again.iter().any(|other| other.by == notice.by));
        Ok(first)
    }

    /// The criteria with these checks and those that are always asked for.
    fn reduced_to(&self, checks: &BTreeSet<&str>) -> Result<Criteria> {
        let mut criteria = self.criteria.clone();
        criteria.checks.retain(|criterion| {
            checks.contains(&*criterion.id) || ALWAYS.contains(&&*criterion.id)
        });
        for check in checks {
            let is_there = criteria.checks.iter().any(|there| there.id == *check);
            ensure!(
                is_there,
                "the criteria of the self-test have no check {check}"
            );
        }
        Criteria::parse(&serde_json::to_string_pretty(&criteria)?)
    }

    fn boot(&self, built: &Built, criteria: Criteria, logs: &Path) -> Result<Verdict> {
        let request = RunRequest {
            criteria,
            own: None,
            bundle: built.bundle.dir().to_owned(),
            uml_bundle: PathBuf::new(),
            debug_bundle: PathBuf::new(),
            accelerator: Requested::Uml,
            once: true,
            patience: self.patience,
            tool: self.tool.to_owned(),
            peers: None,
            peers_disk: DiskSource::Kept(logs.to_owned()),
            out: logs.to_owned(),
        };
        let (verdict, _) = run(request, &|_| ()).context("its run could not be carried out")?;
        Ok(verdict)
    }
}

/// The checks that failed. A machine that was not started has noticed nothing.
fn failed(verdict: &Verdict) -> Result<Vec<Notice>> {
    if let Fate::NotStarted { not_started } = &verdict.machine {
        bail!("no machine was started: {not_started}");
    }
    let failed = verdict.checks.iter();
    let failed = failed.filter(|check| check.status == Status::Fail);
    Ok(failed
        .map(|check| Notice {
            by: check.id.clone(),
            said: check.measured.clone(),
        })
        .collect())
}
