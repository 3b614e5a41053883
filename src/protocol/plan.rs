// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the host tells the guest before it boots.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::accelerator::Accelerator;
use super::cuts::CutPlan;
use super::hostile::HostilePlan;
use super::step::Step;
use crate::anns::Metric;
use crate::client::{Kind, Place};
use crate::dataset::source::Source;
use crate::peers;

/// What a run consists of. It is placed into the initramfs before boot, so that nothing arrives from outside while the
/// guest runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub protocol: u32,
    pub run_id: String,
    /// The accelerator; none where the plan is made before anybody knows where it is carried out.
    pub accelerator: Option<Accelerator>,
    /// The vectors, which are generated inside the guest, or given to it with the plan.
    pub workload: Source,
    pub metric: Metric,
    /// Hits of a search.
    pub k: u32,
    /// Passes over all queries that are not timed.
    pub warmups: u32,
    /// Passes over all queries that are timed.
    pub runs: u32,
    /// Load-to-unload cycles of the module.
    pub cycles: u32,
    /// What the indexes are built on and searched for.
    pub indexes: Vec<IndexCase>,
    /// Whether the module's own clock runs while the searches are timed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub module_clock: bool,
    /// What the step `peers` compares; none where the plan does not have that step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<PeersPlan>,
    /// What the step `suites` does; none where the plan does not have that step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suites: Option<SuitesPlan>,
    /// How much the step `hostile` tries; none where the plan does not have that step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostile: Option<HostilePlan>,
    /// What the steps `survivors` and `writing` do; none where the plan does not have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<CutPlan>,
    pub steps: Vec<Step>,
}

/// How the guest measures us beside the peers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeersPlan {
    /// The host's plan, so that the guest makes the host's comparison.
    pub comparison: peers::Plan,
    /// The path of the Python on the disk with the serial number [`PEERS_DISK`](super::guest_files::PEERS_DISK), which
    /// is a root directory for it.
    pub python: PathBuf,
}

/// How the guest runs the POSIX suites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuitesPlan {
    /// Changes that fsx makes through the module, in all its files together.
    pub fsx_operations: u64,
    /// What they are derived from.
    pub fsx_seed: u64,
}

/// Files that fsx changes: in the control an ordinary one, through a driver also one that is served as vectors.
const CHANGED: [&str; 2] = ["changed", "changed.fvecs"];

/// Through FUSE, and in the control, there is so much less to find.
const FEWER: u64 = 5;

impl SuitesPlan {
    /// The lower filesystems.
    pub const LOWER: [&str; 2] = ["tmpfs", "ext4"];

    /// The files that fsx changes in a place, on each lower filesystem.
    pub fn files(place: Place) -> &'static [&'static str] {
        match place {
            Place::InProcess => &CHANGED[..1],
            Place::Fuse | Place::Kernel => &CHANGED,
        }
    }

    /// How many changes fsx makes to each file of a place.
    pub fn changes(self, place: Place) -> u64 {
        let all = match place {
            Place::Kernel => self.fsx_operations,
            Place::InProcess | Place::Fuse => self.fsx_operations / FEWER,
        };
        all / (Self::LOWER.len() * Self::files(place).len()) as u64
    }
}

/// One workload under one metric, searched by several kinds of index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexCase {
    /// The name of the case: a file name, unlike that of any other case.
    pub name: String,
    pub workload: Source,
    pub metric: Metric,
    pub k: u32,
    pub warmups: u32,
    pub runs: u32,
    pub kinds: Vec<KindPlan>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindPlan {
    pub kind: Kind,
    #[serde(default)]
    pub build: Build,
    /// The effort; 0 is the index's own default.
    pub effort: u32,
}

/// How an index is built, where the defaults of its kind are not used: emulated, a build takes its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The efConstruction of HNSW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ef_construction: Option<u32>,
    /// The sub-quantizers of PQ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub m: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::workload::{Name, Workload};
    use crate::protocol::VERSION;

    fn plan() -> Plan {
        Plan {
            protocol: VERSION,
            run_id: "r1".into(),
            accelerator: Some(Accelerator::Icount),
            workload: Source::Generated(Workload::new(Name::Inherited)),
            metric: Metric::L2,
            k: 10,
            warmups: 1,
            runs: 2,
            cycles: 100,
            indexes: Vec::new(),
            module_clock: false,
            peers: None,
            suites: None,
            hostile: None,
            cut: None,
            steps: Step::ALL.to_vec(),
        }
    }

    #[test]
    fn the_module_gets_all_changes_of_a_plan_and_others_fewer() {
        let plan = SuitesPlan {
            fsx_operations: 20_000,
            fsx_seed: 42,
        };
        let [control, fuse, kernel] = Place::ALL.map(|place| plan.changes(place));
        assert_eq!((control, fuse, kernel), (2_000, 1_000, 5_000));
    }

    #[test]
    fn a_plan_survives_json() {
        let text = serde_json::to_string(&plan()).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan());
    }

    #[test]
    fn an_unknown_field_of_a_plan_is_refused() {
        let mut value = serde_json::to_value(plan()).unwrap();
        value["surprise"] = true.into();
        let error = serde_json::from_value::<Plan>(value).unwrap_err();
        assert!(error.to_string().contains("surprise"), "{error}");
    }
}
