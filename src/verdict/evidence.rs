// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that a run brought to light, for the checks to look at.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::bundle::manifest::Manifest;
use crate::client::Place;
use crate::figures::Located;
use crate::machine::kernel_log::Scan;
use crate::peers::Comparison;
use crate::protocol::results::{PerPlace, PlaceRun};
use crate::protocol::{Accelerator, Outcome, Plan};
use crate::verdict::fate::Fate;

use super::guest_report::GuestReport;
use crate::criteria::Criteria;
use crate::criteria::check::Finding;
use crate::criteria::own_data::Origin;
use crate::host::fuse::HostRun;
use crate::host::indexes::HostIndex;

pub struct Evidence {
    /// The day of the run. The kernel log was scanned as of it, since exceptions end.
    pub date: Date,
    pub criteria: Criteria,
    /// The text of the bundle's manifest, if there is a bundle.
    pub manifest_text: Option<String>,
    /// Where the vectors come from, if they are the user's own.
    pub own: Option<Origin>,
    /// The manifest of the bundle, which was verified; or why there is none.
    pub manifest: Result<Manifest, String>,
    /// The model name of the host's CPU, if there is a host.
    pub cpu: Option<String>,
    /// The measurements on the host, or why there are none.
    pub host: Result<HostRun, String>,
    /// The indexes that the host has built, or why there are none.
    pub indexes: Result<Vec<HostIndex>, String>,
    /// The comparison with peers, or why there is none.
    pub comparison: Result<Comparison, String>,
    pub machine: Option<MachineRecord>,
    /// Whether the guest was to make the same comparison.
    pub guest_peers: GuestPeers,
    pub plan: Option<Plan>,
    pub guest: GuestReport,
    pub fate: Fate,
    /// What the kernel log says, or why it could not be scanned.
    pub kernel_log: Result<Scan, String>,
    /// Whether a second boot gave the same bytes.
    pub repetition: Repetition,
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
    /// No second boot was asked for.
    None(String),
}

impl Evidence {
    /// The BLAKE3 of the bundle's manifest.
    pub fn bundle_id(&self) -> Option<String> {
        let text = self.manifest_text.as_ref()?;
        Some(blake3::hash(text.as_bytes()).to_string())
    }

    pub fn manifest(&self) -> Result<&Manifest, Finding> {
        self.manifest.as_ref().map_err(Finding::could_not_run)
    }

    /// The measurements on the host. Where the host cannot run the FUSE driver at all, its checks do not apply.
    pub fn host(&self) -> Result<&HostRun, Finding> {
        self.host.as_ref().map_err(Finding::skipped)
    }

    /// The comparison on the host.
    pub fn comparison(&self) -> Result<Located<'_>, Finding> {
        let comparison = self.comparison.as_ref().map_err(Finding::could_not_run)?;
        Ok(Located::on_host(comparison))
    }

    /// The comparison in the guest, which repeats the host's.
    pub fn comparison_in_guest(&self) -> Result<Located<'_>, Finding> {
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
