// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to be compared.

use serde::{Deserialize, Serialize};

use crate::client::Kind;
use crate::dataset::workload::Workload;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The seed of the generator that shuffles the order.
    pub seed: u64,
    pub k: u32,
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

/// One kind of one engine. Ours is measured in process and through each driver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contestant {
    pub engine: String,
    pub kind: Kind,
    /// The efforts to measure; a single 0 where the kind has none.
    pub efforts: Vec<u32>,
}
