// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns criteria into what is done: the workload that they name, and the plan of a guest.

use anyhow::{Context, Result};

use super::Criteria;
use super::samples::Samples;
use crate::dataset::source::Source;
use crate::dataset::workload::{Name, Workload};
use crate::protocol::hostile::HostilePlan;
use crate::protocol::{self, Accelerator, Plan, Step};

impl Criteria {
    /// The workload that the criteria name.
    pub fn workload(&self) -> Result<Source> {
        let name: Name = serde_json::from_value(self.workload.name.clone().into())
            .with_context(|| {
                let name = &self.workload.name;
                format!("there is no workload {name}; if these are vectors of your own, name their file by --dataset")
            })?;
        Ok(Source::Generated(Workload::new(name)))
    }

    /// The plan of what the criteria ask for. `accelerator` may be unknown.
    pub fn plan(
        &self,
        accelerator: Option<Accelerator>,
        samples: Samples,
        workload: Source,
        steps: Vec<Step>,
    ) -> Plan {
        let asked = &self.workload;
        let (warmups, runs) = match samples {
            Samples::Few => (asked.icount_warmups, asked.icount_runs),
            Samples::Many => (asked.warmups, asked.runs),
        };
        Plan {
            protocol: protocol::VERSION,
            run_id: "validate".into(),
            accelerator,
            workload,
            metric: asked.metric,
            k: asked.k,
            warmups,
            runs,
            cycles: asked.cycles,
            indexes: self.indexes.iter().map(|case| case.plan(samples)).collect(),
            module_clock: samples == Samples::Many
                && matches!(accelerator, Some(Accelerator::Kvm | Accelerator::Uml)),
            peers: None,
            suites: self.suites,
            hostile: match samples {
                Samples::Few => self.hostile.map(HostilePlan::fewer),
                Samples::Many => self.hostile,
            },
            cut: None,
            steps,
        }
    }
}
