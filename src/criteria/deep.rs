// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a deep run must show (`deep-criteria.json`): parts that are run one after the other, each with some of the
//! checks.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::Criteria;
use crate::protocol::SuitesPlan;
use crate::protocol::hostile::HostilePlan;
use crate::protocol::run_files::to_json;

/// The criteria of this version.
const BUILT_IN: &str = include_str!("deep-criteria.json");

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deep {
    pub parts: Vec<Part>,
    pub criteria: Criteria,
}

/// A part of a deep run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub name: String,
    /// What is done, in words.
    pub what: String,
    /// The checks that are asked of it.
    pub checks: Vec<String>,
    /// How it runs the POSIX suites, where not as the criteria say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suites: Option<SuitesPlan>,
    /// How much a hostile user tries, where not as the criteria say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostile: Option<HostilePlan>,
}

impl Deep {
    pub fn built_in() -> Result<Deep> {
        Deep::parse(BUILT_IN)
    }

    /// Reads `path`, or the criteria of this version.
    pub fn read(path: Option<&Path>) -> Result<Deep> {
        let Some(path) = path else {
            return Deep::built_in();
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the criteria in {}", path.display()))?;
        Deep::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Deep> {
        let deep: Deep =
            serde_json::from_str(text).context("these are no criteria of a deep run")?;
        ensure!(
            !deep.parts.is_empty(),
            "the criteria of a deep run have no part"
        );
        for part in &deep.parts {
            deep.of_part(part)?;
        }
        Ok(deep)
    }

    /// The criteria with the checks of this part alone.
    pub fn of_part(&self, part: &Part) -> Result<Criteria> {
        let mut criteria = self.criteria.clone();
        criteria.suites = part.suites.or(criteria.suites);
        criteria.hostile = part.hostile.or(criteria.hostile);
        criteria
            .checks
            .retain(|check| part.checks.contains(&check.id));
        ensure!(
            !part.checks.is_empty() && criteria.checks.len() == part.checks.len(),
            "the part {} asks for a check that the criteria do not have",
            part.name
        );
        Criteria::parse(&to_json(&criteria)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criteria::subject;

    #[test]
    fn each_check_belongs_to_a_part_and_is_known() {
        let deep = Deep::built_in().unwrap();
        for check in &deep.criteria.checks {
            let asked = |part: &Part| part.checks.contains(&check.id);
            assert!(deep.parts.iter().any(asked), "{}", check.id);
            assert!(
                subject::known().any(|known| known == check.id),
                "{}",
                check.id
            );
        }
    }

    #[test]
    fn a_part_with_a_check_that_is_not_there_is_refused() {
        let other = BUILT_IN.replacen("[\"cuts\"]", "[\"cats\"]", 1);
        let error = Deep::parse(&other).unwrap_err().to_string();
        assert!(error.contains("the part cuts"), "{error}");
    }
}
