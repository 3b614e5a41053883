// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that a run brought to light, for the checks to look at.

use std::ops::{Deref, DerefMut};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::bundle::guest_modules::Role;
use crate::bundle::manifest::Manifest;
use crate::client::Place;
use crate::figures::Located;
use crate::machine::kernel_log::Scan;
use crate::peers::Comparison;
use crate::protocol::cuts::Cuts;
use crate::protocol::results::{PerPlace, PlaceRun};
use crate::protocol::{Accelerator, Outcome, Plan};
use crate::verdict::fate::Fate;

use super::guest_report::GuestReport;
use crate::criteria::Criteria;
use crate::criteria::check::Finding;
use crate::criteria::own_data::Origin;
use crate::host::fuse::HostRun;
use crate::host::indexes::HostIndex;

#[derive(Clone)]
pub struct Evidence {
    /// The day of the run. The kernel log was scanned as of it, since exceptions end.
    pub date: Date,
    pub criteria: Criteria,
    /// Where the vectors come from, if they are the user's own.
    pub own: Option<Origin>,
    /// The model name of the host's CPU, if there is a host.
    pub cpu: Option<String>,
    /// The measurements on the host, or why there are none.
    pub host: Result<HostRun, String>,
    /// The indexes that the host has built, or why there are none.
    pub indexes: Result<Vec<HostIndex>, String>,
    /// The comparison with peers, or why there is none.
    pub comparison: Result<Comparison, String>,
    /// The machine that everything is judged by that counts no time.
    pub first: MachineRun,
    /// A machine beside it, whose clock counts time where the first one's does not.
    pub second: Second,
    /// A machine that looks for faults of the module and for nothing else: a debug kernel.
    pub debug: Second,
    /// The power cuts, or why there were none.
    pub cuts: Result<Cuts, String>,
    /// Whether a second boot of the first machine gave the same bytes.
    pub repetition: Repetition,
}

/// What one machine of a run brought to light.
#[derive(Clone)]
pub struct MachineRun {
    /// The text of the bundle's manifest, if there is a bundle.
    pub manifest_text: Option<String>,
    /// The manifest of the bundle, which was verified; or why there is none.
    pub manifest: Result<Manifest, String>,
    pub machine: Option<MachineRecord>,
    /// Whether the guest was to make the host's comparison.
    pub guest_peers: GuestPeers,
    pub plan: Option<Plan>,
    pub guest: GuestReport,
    pub fate: Fate,
    /// What the kernel log says, or why it could not be scanned.
    pub kernel_log: Result<Scan, String>,
}

/// A machine of a run beside the first one.
#[derive(Clone)]
pub enum Second {
    Run(Box<MachineRun>),
    /// There is none, since none applies here.
    Skipped {
        reason: String,
    },
    /// There should have been one.
    Failed {
        reason: String,
    },
}

/// What the machine was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineRecord {
    /// The accelerator; none where a hypervisor does not tell what its clock counts.
    pub accelerator: Option<Accelerator>,
    /// Why this accelerator was taken, or how it was recognised.
    pub reason: String,
    /// The version of QEMU, if we started it.
    pub qemu: Option<String>,
}

/// The comparison with peers in the guest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum GuestPeers {
    /// The comparison was planned.
    Planned {
        /// The BLAKE3 of the disk that the guest has the peers from.
        disk_blake3: String,
    },
    /// The comparison does not apply here.
    Skipped { reason: String },
    /// The comparison could not be planned.
    Failed { reason: String },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Repetition {
    /// Every byte of messages and console was the same.
    Equal { bytes: usize },
    /// What differed first.
    Different(String),
    /// The second boot did not come to its end.
    Failed(String),
    /// This host could not carry the second boot.
    CouldNotRun(String),
    /// No second boot was asked for.
    None(String),
}

/// What is asked of the evidence is asked of its first machine, unless another is named.
impl Deref for Evidence {
    type Target = MachineRun;

    fn deref(&self) -> &MachineRun {
        &self.first
    }
}

impl DerefMut for Evidence {
    fn deref_mut(&mut self) -> &mut MachineRun {
        &mut self.first
    }
}

impl Evidence {
    /// The evidence as if the second machine were the only one.
    pub fn of_second(&self) -> Result<Evidence, Finding> {
        match &self.second {
            Second::Run(second) => Ok(Evidence {
                first: (**second).clone(),
                second: Second::Skipped {
                    reason: "it is the second machine itself".into(),
                },
                repetition: Repetition::None("the second machine boots once".into()),
                ..self.clone()
            }),
            Second::Skipped { reason } => Err(Finding::skipped(reason)),
            Second::Failed { reason } => Err(Finding::could_not_run(reason)),
        }
    }

    /// The evidence as if the debug kernel were the only machine.
    pub fn of_debug(&self) -> Result<Evidence, Finding> {
        let as_second = Evidence {
            second: self.debug.clone(),
            ..self.clone()
        };
        as_second.of_second()
    }

    /// The evidence of the machine whose clock counts time, as if it were the only one.
    pub fn of_timed(&self) -> Result<Evidence, Finding> {
        let first = [Accelerator::Kvm, Accelerator::Uml];
        if first.iter().any(|timed| self.first.runs_as(*timed)) {
            return Ok(self.clone());
        }
        self.of_second()
    }

    /// The machine that runs as User-Mode Linux.
    pub fn uml(&self) -> Result<&MachineRun, Finding> {
        if self.first.runs_as(Accelerator::Uml) {
            return Ok(&self.first);
        }
        match &self.second {
            Second::Run(second) => Ok(second),
            Second::Skipped { reason } => Err(Finding::skipped(reason)),
            Second::Failed { reason } => Err(Finding::could_not_run(reason)),
        }
    }

    /// The machine that runs the POSIX suites.
    pub fn with_suites(&self) -> Result<&MachineRun, Finding> {
        let run = self.uml()?;
        if run.manifest()?.guest.roles.contains(&Role::Suites) {
            return Ok(run);
        }
        Err(Finding::skipped(
            "the bundle's guest has no POSIX suites: build it with --role suites",
        ))
    }

    /// The machine that was to repeat the host's comparison. If none was, it is the one whose reason says most.
    pub fn with_peers(&self) -> &MachineRun {
        let planned = |run: &MachineRun| matches!(run.guest_peers, GuestPeers::Planned { .. });
        match &self.second {
            Second::Run(second) if !planned(&self.first) => second,
            _ => &self.first,
        }
    }

    /// The measurements on the host. Where the host cannot run the FUSE driver at all, its checks do not apply.
    pub fn host(&self) -> Result<&HostRun, Finding> {
        let host = self.host.as_ref().map_err(Finding::skipped)?;
        match &host.could_not_run {
            Some(reason) => Err(Finding::could_not_run(reason)),
            None => Ok(host),
        }
    }

    /// The comparison on the host.
    pub fn comparison(&self) -> Result<Located<'_>, Finding> {
        let comparison = self.comparison.as_ref().map_err(Finding::could_not_run)?;
        Ok(Located::on_host(comparison))
    }

    /// The comparison in a guest, which repeats the host's.
    pub fn comparison_in_guest(&self) -> Result<Located<'_>, Finding> {
        self.with_peers().comparison()
    }
}

impl MachineRun {
    pub fn runs_as(&self, accelerator: Accelerator) -> bool {
        let machine = self.machine.as_ref();
        machine.and_then(|machine| machine.accelerator) == Some(accelerator)
    }

    /// The BLAKE3 of the bundle's manifest.
    pub fn bundle_id(&self) -> Option<String> {
        let text = self.manifest_text.as_ref()?;
        Some(blake3::hash(text.as_bytes()).to_string())
    }

    pub fn manifest(&self) -> Result<&Manifest, Finding> {
        self.manifest.as_ref().map_err(Finding::could_not_run)
    }

    pub fn machine(&self) -> Result<&MachineRecord, Finding> {
        self.machine
            .as_ref()
            .ok_or_else(|| Finding::could_not_run(&self.fate))
    }

    pub fn plan(&self) -> Result<&Plan, Finding> {
        self.plan
            .as_ref()
            .ok_or_else(|| Finding::could_not_run(&self.fate))
    }

    /// The workload in one place.
    pub fn place(&self, place: Place) -> Result<&PlaceRun, Finding> {
        in_place(&self.guest.workload()?.places, place)
    }

    /// The comparison in this guest.
    fn comparison(&self) -> Result<Located<'_>, Finding> {
        match &self.guest_peers {
            GuestPeers::Planned { .. } => {}
            GuestPeers::Skipped { reason } => return Err(Finding::skipped(reason)),
            GuestPeers::Failed { reason } => return Err(Finding::could_not_run(reason)),
        }
        Ok(Located::in_guest(
            &self.guest.peers()?.comparison,
            self.machine()?.accelerator,
            self.bundle_id().unwrap_or_default(),
        ))
    }
}

/// What was observed in a place. If that failed, the check fails.
pub fn in_place<T>(places: &PerPlace<T>, place: Place) -> Result<&T, Finding> {
    match places.get(&place).map(Outcome::as_result) {
        Some(Ok(data)) => Ok(data),
        Some(Err(failure)) => Err(Finding::fail(format!("{place}: {failure}"))),
        None => Err(Finding::could_not_run(format!(
            "nothing was tried in {place}"
        ))),
    }
}

/// What was carried out, or a failed check.
pub fn done<T>(outcome: &Outcome<T>) -> Result<&T, Finding> {
    outcome
        .as_result()
        .map_err(|failure| Finding::fail(failure.to_string()))
}
