// SPDX-License-Identifier: MIT OR Apache-2.0
//! The searches by index: what the criteria ask for, beside what came of it.

use std::fmt::Display;

use super::evidence::{Evidence, done, in_place};
use crate::client::Place;
use crate::criteria::check::Finding;
use crate::criteria::{IndexCriteria, KindCriteria};
use crate::host::indexes::HostIndex;
use crate::protocol::results::{Built, IndexRun, KindRuns, MeasuredCase};

/// One kind in one case: what was asked for, and what came of it.
pub struct Searched<'a> {
    pub case: &'a IndexCriteria,
    pub kind: &'a KindCriteria,
    pub measured: &'a MeasuredCase,
    pub runs: &'a KindRuns,
}

impl Searched<'_> {
    pub fn name(&self) -> String {
        format!("{} {}", self.case.name, self.kind.kind)
    }

    pub fn place(&self, place: Place) -> Result<&IndexRun, Finding> {
        in_place(&self.runs.places, place).map_err(|finding| self.with_name(finding))
    }

    /// The index as the host built it.
    pub fn on_host<'a>(
        &self,
        evidence: &'a Evidence,
    ) -> Result<(&'a HostIndex, &'a Built), Finding> {
        let indexes = evidence.indexes.as_ref().map_err(Finding::could_not_run)?;
        let index = indexes
            .iter()
            .find(|index| index.case == self.case.name && index.kind == self.kind.kind)
            .ok_or_else(|| self.with_name(Finding::could_not_run("not built on the host")))?;
        let built = done(&index.built).map_err(|finding| self.with_name(finding))?;
        Ok((index, built))
    }

    /// Puts the name of this kind in this case before a finding.
    pub fn with_name(&self, mut finding: Finding) -> Finding {
        finding.measured = format!("{}: {}", self.name(), finding.measured);
        finding
    }

    /// A failed check that names this kind in this case.
    pub fn fail(&self, what: impl Display) -> Finding {
        self.with_name(Finding::fail(what))
    }
}

/// Everything that the criteria ask for, or what is missing first.
pub fn searched(evidence: &Evidence) -> Result<Vec<Searched<'_>>, Finding> {
    let mut all = Vec::new();
    for case in &evidence.criteria.indexes {
        for kind in &case.kinds {
            all.push(one(evidence, case, kind)?);
        }
    }
    if all.is_empty() {
        return Err(Finding::could_not_run("the criteria name no index"));
    }
    Ok(all)
}

/// What came of one kind in one case, or why nothing did.
pub fn one<'a>(
    evidence: &'a Evidence,
    case: &'a IndexCriteria,
    kind: &'a KindCriteria,
) -> Result<Searched<'a>, Finding> {
    let missing = |what: &str| Finding::could_not_run(format!("the guest reported no {what}"));
    let mut cases = evidence.guest.indexes()?.cases.iter();
    let measured = cases.find(|found| found.name == case.name);
    let measured = measured.ok_or_else(|| missing(&case.name))?;
    let name = format!("{} {}", case.name, kind.kind);
    let runs = measured.kinds.iter().find(|found| found.kind == kind.kind);
    let runs = done(&runs.ok_or_else(|| missing(&name))?.outcome).map_err(|finding| Finding {
        measured: format!("{name}: {}", finding.measured),
        ..finding
    })?;
    Ok(Searched {
        case,
        kind,
        measured,
        runs,
    })
}
