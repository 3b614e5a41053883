// SPDX-License-Identifier: MIT OR Apache-2.0
//! Judges what a run left: in the image itself, or, where a run did not get that far, in whoever reads it.

use anyhow::Result;
use jiff::civil::Date;

use super::contents::Contents;
use super::data::{Data, Run};
use crate::machine::kernel_log::{Scan, scan_as_of};
use crate::machine::session::Ending;
use crate::protocol::Accelerator;
use crate::protocol::results::Identity;
use crate::protocol::run_files::{CONSOLE, MESSAGES};
use crate::system::clock::today;
use crate::verdict::evidence::{
    Evidence, GuestPeers, MachineRecord, MachineRun, Repetition, Second,
};
use crate::verdict::fate::Fate;
use crate::verdict::guest_report::GuestReport;
use crate::verdict::judgement::Judgement;

/// What is known of a run.
pub struct Observed {
    /// The kernel, initramfs and module that booted are the bundle's; or why they are not.
    pub intact: Result<(), String>,
    pub guest: GuestReport,
    pub fate: Fate,
    /// The day as of which the kernel log was scanned.
    pub date: Date,
    pub kernel_log: Result<Scan, String>,
}

/// Judges what was observed by the image's own criteria.
pub fn judge(contents: &Contents, observed: Observed) -> Result<(Judgement, Evidence)> {
    let manifest = contents.manifest()?;
    let evidence = Evidence {
        date: observed.date,
        cpu: None,
        criteria: contents.criteria()?,
        own: None,
        host: Err("an image has no host".into()),
        indexes: Err("an image has no host".into()),
        comparison: Err("an image has no host".into()),
        first: MachineRun {
            manifest_text: Some(contents.manifest.clone()),
            manifest: observed.intact.map(|()| manifest),
            guest_peers: GuestPeers::Skipped {
                reason: "an image has no peers".into(),
            },
            machine: observed.guest.identity().ok().map(machine),
            plan: Some(contents.plan.clone()),
            guest: observed.guest,
            fate: observed.fate,
            kernel_log: observed.kernel_log,
        },
        second: Second::Skipped {
            reason: "an image boots on one machine".into(),
        },
        debug: Second::Skipped {
            reason: "an image boots on one machine".into(),
        },
        cuts: Err("an image is not cut off".into()),
        repetition: Repetition::None("an image boots once".into()),
    };
    let judgement = Judgement::of(&evidence)?;
    Ok((judgement, evidence))
}

/// Recognises what counts as the guest's clock by how its hypervisor calls itself. KVM runs code on the CPU itself, TCG
/// emulates. Which of both another name stands for, or none at all, cannot be known in here.
fn machine(identity: &Identity) -> MachineRecord {
    let vendor = identity.hypervisor_vendor.as_deref().unwrap_or_default();
    MachineRecord {
        accelerator: match vendor {
            "KVMKVMKVM" => Some(Accelerator::Kvm),
            "TCGTCGTCGTCG" => Some(Accelerator::Tcg),
            _ => None,
        },
        reason: format!("the hypervisor calls itself `{vendor}`"),
        qemu: None,
    }
}

/// What is known of a run that did not come to its end, from what it left.
pub fn unfinished(data: &Data, run: Run) -> Result<Observed> {
    let guest = GuestReport::of_messages(&data.read(run, MESSAGES)?.unwrap_or_default());
    let log = data.read(run, CONSOLE)?.unwrap_or_default();
    let date = today();
    // Half a log proves a fault, but not that there is none.
    let kernel_log = scan_as_of(&log, date).and_then(|scan| {
        if scan.is_clean() {
            Err("the log was not saved to its end".into())
        } else {
            Ok(scan)
        }
    });
    let stopped = match (&guest.unfinished, &guest.hello) {
        (Some(step), _) => format!("in step {step}"),
        (None, Some(_)) => "between two steps".to_owned(),
        (None, None) => "before the first step".to_owned(),
    };
    Ok(Observed {
        intact: Ok(()),
        guest,
        date,
        fate: Fate::Booted(Ending::Lost {
            how: format!(
                "it stopped {stopped} and left no verdict; its kernel crashed, or it was taken away"
            ),
        }),
        kernel_log,
    })
}
