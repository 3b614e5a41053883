// SPDX-License-Identifier: MIT OR Apache-2.0
//! Says whether a module may leave the virtual machine: only this very file, for this kernel, with nothing left open.
//! Nothing is loaded here in any case.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use super::source::RunSource;
use crate::bundle::manifest::ModuleIdentity;
use crate::criteria::Criteria;
use crate::criteria::check::{Check, Status};
use crate::protocol::run_files::VERDICT;
use crate::verdict::evidence::Evidence;
use crate::verdict::{Verdict, Word};

/// Names of checks that are about peers, not about the module; a host may lack those engines.
const OF_OTHERS: [&str; 3] = ["peers.", "fuse.vs-", "kernel.vs-"];

/// The module that is asked about.
#[derive(Debug, Serialize)]
pub struct Module {
    pub file: PathBuf,
    pub blake3: String,
    /// The release that the module was built for.
    pub built_for: String,
    /// The release that the module is to run on.
    pub release: String,
}

impl Module {
    pub fn read(file: &Path, release: String) -> Result<Module> {
        let shown = file.display();
        let content = fs::read(file).with_context(|| format!("cannot read {shown}"))?;
        let identity = ModuleIdentity::of(&content)
            .with_context(|| format!("{shown} is not a kernel module"))?;
        Ok(Module {
            file: file.to_owned(),
            blake3: blake3::hash(&content).to_string(),
            built_for: identity.release().to_owned(),
            release,
        })
    }

    /// Why no run at all can count.
    pub fn unfit(&self) -> Option<String> {
        (self.built_for != self.release).then(|| {
            format!(
                "it was built for the kernel {}, not for {}: build it for that one, or name the other with --release",
                self.built_for, self.release
            )
        })
    }
}

/// A run that was looked at.
#[derive(Debug, Serialize)]
pub struct Candidate {
    pub run: String,
    /// Why the run does not count; empty if it does.
    pub objections: Vec<String>,
}

impl Candidate {
    pub fn counts(&self) -> bool {
        self.objections.is_empty()
    }
}

/// The runs below `dir`, the newest first.
pub fn runs(dir: &Path) -> Result<Vec<PathBuf>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let cannot_list = || format!("cannot list {}", dir.display());
    let mut runs = Vec::new();
    for entry in fs::read_dir(dir).with_context(cannot_list)? {
        let path = entry.with_context(cannot_list)?.path();
        if path.is_dir() {
            runs.push(path);
        }
    }
    runs.sort();
    runs.reverse();
    Ok(runs)
}

/// Looks at a run or a pack. One that is about another module is recognised by its verdict alone, without judging it
/// again.
pub fn look_at(path: &Path, module: &Module) -> Result<Candidate> {
    let built_in = Criteria::read(None)?.blake3;
    let objections = match of_other_module(path, module) {
        Some(objection) => vec![objection],
        None => match RunSource::open(path) {
            Ok(source) => objections(&source.evidence, &source.verdict, module, &built_in),
            Err(error) => vec![format!("{error:#}")],
        },
    };
    Ok(Candidate {
        run: path.display().to_string(),
        objections,
    })
}

fn of_other_module(run: &Path, module: &Module) -> Option<String> {
    let text = fs::read(run.join(VERDICT)).ok()?;
    let verdict: Verdict = serde_json::from_slice(&text).ok()?;
    another_module(&verdict, module)
}

fn another_module(verdict: &Verdict, module: &Module) -> Option<String> {
    let tested = verdict.provenance.module_blake3.as_deref();
    (tested != Some(&module.blake3)).then(|| match tested {
        Some(tested) => format!("it tested another module (BLAKE3 {tested:.16}…)"),
        None => "it tested no module".into(),
    })
}

/// Why a verified run does not show that the module works; `built_in` is the BLAKE3 of this version's criteria.
pub fn objections(
    evidence: &Evidence,
    verdict: &Verdict,
    module: &Module,
    built_in: &str,
) -> Vec<String> {
    let mut all: Vec<String> = another_module(verdict, module).into_iter().collect();
    match evidence.guest.module() {
        Ok(found) if found.file_blake3 != module.blake3 => all.push(format!(
            "its guest loaded another module (BLAKE3 {:.16}…)",
            found.file_blake3
        )),
        Ok(_) => (),
        Err(finding) => all.push(format!("its guest loaded no module: {}", finding.measured)),
    }
    let release = verdict.provenance.kernel_release.as_deref();
    if release != Some(&module.release) {
        all.push(format!(
            "it ran on the kernel {}, not on {}",
            release.unwrap_or("of no bundle"),
            module.release
        ));
    }
    if evidence.criteria.blake3 != built_in {
        all.push("its criteria are not those of this version of the toolkit".into());
    }
    if verdict.verdict != Word::Pass {
        all.push(format!("its verdict is {}", verdict.verdict.word()));
    }
    let open = |check: &&Check| match check.status {
        Status::Pass => false,
        Status::Fail | Status::CouldNotRun => true,
        Status::Skipped | Status::Inconclusive => {
            !OF_OTHERS.iter().any(|prefix| check.id.starts_with(prefix))
        }
    };
    let open = verdict.checks.iter().filter(open).map(|check| {
        format!(
            "{} {}: {}",
            check.id,
            check.status.word().to_lowercase(),
            check.measured
        )
    });
    all.extend(open);
    all
}
