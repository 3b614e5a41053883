// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a run must show, written down before it (`criteria.json`), and what must be done to see it.

pub mod check;
pub mod deep;
mod file_truth;
pub mod own_criteria;
pub mod own_data;
mod plan;
pub mod samples;
pub mod subject;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::anns::Metric;
use crate::client::Kind;
use crate::dataset::source::Source;
use crate::peers;
use crate::protocol::hostile::HostilePlan;
use crate::protocol::{Build, IndexCase, KindPlan, SuitesPlan};
use samples::Samples;

/// The criteria of this version of the toolkit.
const BUILT_IN: &str = include_str!("criteria.json");

/// The criteria of this version for the bootable image, whose runs have no host.
const IMAGE: &str = include_str!("image-criteria.json");

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criteria {
    pub version: u32,
    pub workload: WorkloadCriteria,
    pub indexes: Vec<IndexCriteria>,
    /// How we are measured beside the peers on the host; without it, we are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<peers::Plan>,
    /// How the POSIX suites are run; without it, they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suites: Option<SuitesPlan>,
    /// How much a hostile user tries; without it, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostile: Option<HostilePlan>,
    /// How the power is cut during writes; without it, it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuts: Option<CutsCriteria>,
    pub checks: Vec<Criterion>,
    /// The text that was read, and its BLAKE3.
    #[serde(skip)]
    pub text: String,
    #[serde(skip)]
    pub blake3: String,
}

/// How often the power is cut, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutsCriteria {
    /// What the writers' choices and the moments of the cuts are derived from.
    pub seed: u64,
    pub cuts: u32,
    /// After so many cuts a new disk is taken.
    pub each_disk: u32,
}

/// The workload, its identity and how it is measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadCriteria {
    pub name: String,
    /// BLAKE3 of the vectors' little-endian f32 rows.
    pub vectors: String,
    pub queries: String,
    /// BLAKE3 of the exact top-k row ids as little-endian u32, row-major.
    pub truth: String,
    /// The metric; L2, where nothing is said.
    #[serde(default)]
    pub metric: Metric,
    pub k: u32,
    pub warmups: u32,
    pub runs: u32,
    /// Timed runs where the clock counts instructions: they must be identical, so two are enough.
    pub icount_warmups: u32,
    pub icount_runs: u32,
    /// Load/unload cycles of the module.
    pub cycles: u32,
}

/// One workload under one metric, searched by several kinds of index.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexCriteria {
    pub name: String,
    pub workload: Source,
    pub metric: Metric,
    pub k: u32,
    pub warmups: u32,
    pub runs: u32,
    /// Timed runs where the clock counts instructions.
    pub icount_runs: u32,
    /// Whether the cost of the searches is judged; if not, only their answers are.
    pub timed: bool,
    pub kinds: Vec<KindCriteria>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindCriteria {
    pub kind: Kind,
    #[serde(default)]
    pub build: Build,
    /// The effort; 0 is the index's own default.
    pub effort: u32,
    /// The least recall@k that passes.
    pub recall: f64,
}

impl IndexCriteria {
    pub fn plan(&self, samples: Samples) -> IndexCase {
        let kinds = self.kinds.iter().map(|kind| KindPlan {
            kind: kind.kind,
            build: kind.build,
            effort: kind.effort,
        });
        IndexCase {
            name: self.name.clone(),
            workload: self.workload.clone(),
            metric: self.metric,
            k: self.k,
            warmups: self.warmups,
            runs: match samples {
                Samples::Few => self.icount_runs,
                Samples::Many => self.runs,
            },
            kinds: kinds.collect(),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    pub id: String,
    pub phase: u8,
    pub criterion: String,
    /// The limit in the criterion's sentence, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
}

impl Criteria {
    /// Reads `path`, or the built-in criteria.
    pub fn read(path: Option<&Path>) -> Result<Criteria> {
        match path {
            None => Criteria::parse(BUILT_IN),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the criteria in {}", path.display()))?;
                Criteria::parse(&text)
                    .with_context(|| format!("{} does not hold valid criteria", path.display()))
            }
        }
    }

    /// Reads `path`, or what this version asks of the bootable image.
    pub fn read_for_image(path: Option<&Path>) -> Result<Criteria> {
        match path {
            None => Criteria::parse(IMAGE),
            path => Criteria::read(path),
        }
    }

    pub fn parse(text: &str) -> Result<Criteria> {
        let mut criteria: Criteria = serde_json::from_str(text)?;
        let mut seen = BTreeSet::new();
        for check in &criteria.checks {
            ensure!(
                seen.insert(check.id.as_str()),
                "check {} is listed twice",
                check.id
            );
        }
        if let Some(comparison) = &criteria.comparison {
            comparison.launch().context("the comparison")?;
        }
        criteria.text = text.to_owned();
        criteria.blake3 = blake3::hash(text.as_bytes()).to_hex().to_string();
        Ok(criteria)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comparison_is_of_engines_that_there_are() {
        let plan = Criteria::read(None).unwrap().comparison.unwrap();
        for contestant in plan
            .workloads
            .iter()
            .flat_map(|workload| &workload.contestants)
        {
            let engine = contestant.engine.as_str();
            let known = engine == peers::OURS || peers::adapters::Adapter::of(engine).is_some();
            assert!(
                known && !contestant.efforts.is_empty(),
                "{engine} {}",
                contestant.kind
            );
        }
    }

    #[test]
    fn built_in_criteria_are_valid() {
        let criteria = Criteria::read(None).unwrap();
        assert_eq!(criteria.workload.cycles, 100);
        assert_eq!(criteria.blake3.len(), 64);
    }

    #[test]
    fn a_check_listed_twice_is_refused() {
        let twice = BUILT_IN.replacen("fuse.host.files", "fuse.host.lifecycle", 1);
        assert!(
            Criteria::parse(&twice)
                .unwrap_err()
                .to_string()
                .contains("listed twice")
        );
    }

    #[test]
    fn an_unknown_field_is_refused() {
        assert!(Criteria::parse(&BUILT_IN.replacen("\"limit\"", "\"limits\"", 1)).is_err());
    }
}
