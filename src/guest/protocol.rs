// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the host tells the guest before it boots ([`Plan`]) and what the guest tells the host while it runs ([`Message`]).
//!
//! `docs/protocol.md` describes both in prose.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::results::StepData;
use crate::anns::Metric;
use crate::client::Kind;
use crate::comparison;
use crate::dataset::source::Source;

/// Raised whenever a plan or a message changes its meaning.
pub const VERSION: u32 = 4;

/// Where the guest finds its plan.
pub const PLAN_PATH: &str = "/plan.json";

/// And the vectors of a source that cannot be generated.
pub const VECTORS_PATH: &str = "/given/vectors.fvecs";
pub const QUERIES_PATH: &str = "/given/queries.fvecs";

/// The name of the virtio-serial port that carries the messages.
pub const PORT_NAME: &str = "org.vexfs.validate";

/// The serial number of the disk with other engines on it.
pub const PEERS_DISK: &str = "vexfs-peers";

/// What a run consists of. Placed into the initramfs before boot, so that nothing arrives from outside while the guest runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub protocol: u32,
    pub run_id: String,
    /// Nothing where the plan is made before anybody knows where it is carried out.
    pub accelerator: Option<Accelerator>,
    /// Generated inside the guest, or given to it with the plan.
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
    /// What the step `peers` compares; nothing where the plan does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<PeersPlan>,
    pub steps: Vec<Step>,
}

/// How the guest measures us beside other engines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeersPlan {
    /// The host's, so that it is the same comparison.
    pub comparison: comparison::Plan,
    /// On the disk with the serial number [`PEERS_DISK`], which is a root directory for it.
    pub python: PathBuf,
}

/// One workload under one metric, searched by several kinds of index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexCase {
    /// A file name, unlike that of any other case.
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
    /// 0 is the index's own default.
    pub effort: u32,
}

/// How an index is built, where it is not with the defaults of its kind: emulated, a build takes its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Of HNSW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ef_construction: Option<u32>,
    /// The sub-quantizers of PQ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub m: Option<u32>,
}

/// What executes the guest's instructions, and so what its clock counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accelerator {
    Kvm,
    Icount,
    Tcg,
}

impl Accelerator {
    pub fn name(self) -> &'static str {
        match self {
            Accelerator::Kvm => "kvm",
            Accelerator::Icount => "icount",
            Accelerator::Tcg => "tcg",
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The steps in the order in which a full run takes them. Each brings the guest into the state that it needs, so none depends
/// on the success of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// What this machine is.
    Identity,
    /// The module's file, load, build id, registration and unload.
    Module,
    /// Load, mount, write, search, busy checks, unmount, unload; again and again.
    Cycles,
    /// File operations through each mount, compared with the lower filesystem.
    Files,
    /// Every errno of `docs/abi.md`, from each driver.
    Errors,
    /// Searches while the file changes under them.
    Concurrency,
    /// The dataset written through each mount, read back, and searched in every place.
    Workload,
    /// Indexes written through each mount, searched in every place, changed and replaced.
    Indexes,
    /// Our kinds in every place beside other engines.
    Peers,
    /// The module still there, its unload, the kernel log, and what is left over.
    After,
}

impl Step {
    pub const ALL: [Step; 10] = [
        Step::Identity,
        Step::Module,
        Step::Cycles,
        Step::Files,
        Step::Errors,
        Step::Concurrency,
        Step::Workload,
        Step::Indexes,
        Step::Peers,
        Step::After,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Step::Identity => "identity",
            Step::Module => "module",
            Step::Cycles => "cycles",
            Step::Files => "files",
            Step::Errors => "errors",
            Step::Concurrency => "concurrency",
            Step::Workload => "workload",
            Step::Indexes => "indexes",
            Step::Peers => "peers",
            Step::After => "after",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a search or a file operation is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The lower filesystem: files directly, searches in process.
    InProcess,
    Fuse,
    Kernel,
}

impl Place {
    pub const ALL: [Place; 3] = [Place::InProcess, Place::Fuse, Place::Kernel];

    pub fn name(self) -> &'static str {
        match self {
            Place::InProcess => "in-process",
            Place::Fuse => "fuse",
            Place::Kernel => "kernel",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One line of JSON from the guest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "kebab-case")]
pub enum Message {
    /// The first message.
    Hello {
        protocol: u32,
        run_id: String,
        kernel_release: String,
        toolkit_version: String,
    },
    StepStarted {
        step: Step,
    },
    Progress {
        step: Step,
        done: u32,
        of: u32,
    },
    /// Within something that takes long, every now and then by the guest's clock.
    Working {
        step: Step,
        /// What is being done.
        at: String,
        done: u64,
        of: u64,
    },
    StepFinished {
        step: Step,
        /// By the guest's monotonic clock.
        elapsed_ns: u64,
        outcome: Outcome<Box<StepData>>,
    },
    /// The guest itself is broken: nothing else follows.
    GuestError {
        reason: String,
    },
    /// The last message of a run that went through all its steps, whatever their outcomes; the guest powers off.
    Done,
}

/// What became of a step, or of one place within a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome<T> {
    /// It was carried out. Whether what it saw is right is for the host to judge.
    Ok { data: T },
    /// It could not be carried out.
    Failed(Failure),
}

/// Why something could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One sentence: what failed, on what.
    pub reason: String,
    /// The symbolic errno, such as `ENOMEM`, if a system call failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
}

impl<T> From<anyhow::Result<T>> for Outcome<T> {
    fn from(result: anyhow::Result<T>) -> Self {
        match result {
            Ok(data) => Outcome::Ok { data },
            Err(error) => Outcome::Failed(Failure::from(&error)),
        }
    }
}

impl<T> Outcome<T> {
    pub fn as_result(&self) -> Result<&T, &Failure> {
        match self {
            Outcome::Ok { data } => Ok(data),
            Outcome::Failed(failure) => Err(failure),
        }
    }
}

impl From<&anyhow::Error> for Failure {
    fn from(error: &anyhow::Error) -> Self {
        Failure {
            reason: format!("{error:#}"),
            errno: error.chain().find_map(errno_of).map(errno_name),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

fn errno_of(error: &(dyn std::error::Error + 'static)) -> Option<nix::Error> {
    if let Some(errno) = error.downcast_ref::<nix::Error>() {
        return Some(*errno);
    }
    let code = error.downcast_ref::<io::Error>()?.raw_os_error()?;
    Some(nix::Error::from_raw(code))
}

/// The symbolic name of an errno, such as `EBUSY`.
pub fn errno_name(errno: nix::Error) -> String {
    format!("{errno:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::workload::{Name, Workload};
    use anyhow::Context;

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
            peers: None,
            steps: Step::ALL.to_vec(),
        }
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

    #[test]
    fn names_are_what_json_shows() {
        for step in Step::ALL {
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
        for place in Place::ALL {
            assert_eq!(serde_json::to_value(place).unwrap(), place.name());
        }
    }

    #[test]
    fn messages_are_single_lines_that_survive_json() {
        let failed = anyhow::Result::<Box<StepData>>::Err(nix::Error::ENOMEM.into())
            .context("cannot mount /store\non /mnt/kernel");
        let messages = [
            Message::Hello {
                protocol: VERSION,
                run_id: "r1".into(),
                kernel_release: "6.12".into(),
                toolkit_version: "0.1.0".into(),
            },
            Message::Progress {
                step: Step::Cycles,
                done: 1,
                of: 100,
            },
            Message::StepFinished {
                step: Step::Cycles,
                elapsed_ns: 5,
                outcome: failed.into(),
            },
            Message::Done,
        ];
        for message in messages {
            let line = serde_json::to_string(&message).unwrap();
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(serde_json::from_str::<Message>(&line).unwrap(), message);
        }
    }

    #[test]
    fn a_failure_names_its_errno_through_layers_of_context() {
        let error = anyhow::Error::from(io::Error::from_raw_os_error(libc::EBUSY))
            .context("cannot unmount /mnt/kernel");
        let failure = Failure::from(&error);
        assert_eq!(failure.errno.as_deref(), Some("EBUSY"));
        assert!(failure.reason.starts_with("cannot unmount /mnt/kernel: "));
    }
}
