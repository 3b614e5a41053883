// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to be compared.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::client::Kind;
use crate::dataset::workload::Workload;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The seed of the generator that shuffles the order.
    pub seed: u64,
    pub k: u32,
    /// How often every process is started and every index opened anew. Warm-ups and runs are shared out evenly.
    #[serde(default = "one")]
    pub launches: u32,
    /// Passes over all series that are not timed.
    pub warmups: u32,
    /// Passes over all series that are timed.
    pub runs: u32,
    /// Two engines are compared where both find this share of the true neighbours.
    pub recall: f64,
    /// Seconds that a peer may take for one answer, a build included.
    pub patience: u64,
    pub workloads: Vec<WorkloadPlan>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadPlan {
    pub workload: Workload,
    pub contestants: Vec<Contestant>,
}

/// How many launches there are where none are told, as in records of earlier versions.
pub(super) fn one() -> u32 {
    1
}

/// The passes of one launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    pub warmups: usize,
    pub runs: usize,
}

impl Launch {
    pub fn passes(self) -> usize {
        self.warmups + self.runs
    }
}

impl Plan {
    /// What each launch has of the warm-ups and runs.
    pub fn launch(&self) -> Result<Launch> {
        let Plan {
            launches,
            warmups,
            runs,
            ..
        } = *self;
        ensure!(
            launches > 0 && warmups % launches == 0 && runs % launches == 0,
            "{warmups} warm-ups and {runs} runs cannot be shared out evenly to {launches} launches"
        );
        Ok(Launch {
            warmups: (warmups / launches) as usize,
            runs: (runs / launches) as usize,
        })
    }
}

/// One kind of one engine. Ours is measured in process and through each driver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contestant {
    pub engine: String,
    pub kind: Kind,
    /// The efforts to measure; a single 0 where the kind has none.
    pub efforts: Vec<u32>,
}
