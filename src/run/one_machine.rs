// SPDX-License-Identifier: MIT OR Apache-2.0
//! One machine of a run: boots a bundle, once or twice at a time, and gathers what comes to light.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use jiff::civil::Date;

use super::progress::progress;
use super::request::{NOT_ASKED_FOR, RunRequest};
use crate::bundle::Bundle;
use crate::bundle::guest_modules::Role;
use crate::bundle::initramfs::Archive;
use crate::bundle::peers_disk::Disk;
use crate::criteria::samples::Samples;
use crate::dataset::source::Source;
use crate::machine::accelerator::Choice;
use crate::machine::kernel_log::scan_as_of;
use crate::machine::memory;
use crate::machine::session::{Deadlines, Ending, follow};
use crate::machine::vehicle::Vehicle;
use crate::machine::{self, Machine, MachineConfig, MachineError, input};
use crate::protocol::run_files::{CONSOLE, SECOND_BOOT};
use crate::protocol::{Accelerator, Message, PeersPlan, Plan, Step};
use crate::verdict::evidence::{GuestPeers, MachineRecord, MachineRun, Repetition};
use crate::verdict::fate::Fate;
use crate::verdict::guest_report::GuestReport;
use crate::verdict::repetition;

/// What a machine is to do.
pub struct Asked<'a> {
    pub request: &'a RunRequest,
    pub bundle: &'a Bundle,
    pub workload: &'a Source,
    pub steps: &'a [Step],
    pub date: Date,
    /// The directory for what the machine writes.
    pub logs: PathBuf,
    /// Why this machine is not to make the host's comparison, if so.
    pub peers: Result<(), String>,
}

impl Asked<'_> {
    /// Boots, and boots once more beside it where that shows whether the first boot can be repeated.
    pub fn run(
        &self,
        choice: &Choice,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<(MachineRun, Repetition)> {
        let request = self.request;
        let accelerator = choice.vehicle.accelerator();
        tell(&format!("machine: {accelerator} ({})", choice.reason));
        let mut steps = self.steps.to_vec();
        let (peers, disk, guest_peers) = match self.peers_in_guest(accelerator, tell) {
            Ok((peers, disk)) => {
                let disk_blake3 = disk.blake3;
                let planned = GuestPeers::Planned { disk_blake3 };
                (Some(peers), Some(disk.path), planned)
            }
            Err(why) => {
                steps.retain(|step| *step != Step::Peers);
                (None, None, why)
            }
        };
        let manifest = self.bundle.manifest();
        // Emulated, the suites would take longer than all the rest.
        if accelerator != Accelerator::Uml || !manifest.guest.roles.contains(&Role::Suites) {
            steps.retain(|step| *step != Step::Suites);
        }
        let workload = self.workload.clone();
        let samples = match choice.vehicle {
            Vehicle::UmlDebug => Samples::Few,
            Vehicle::Qemu(..) | Vehicle::Uml => Samples::by(Some(accelerator)),
        };
        let criteria = &request.criteria;
        let plan = Plan {
            peers,
            ..criteria.plan(Some(accelerator), samples, workload, steps)
        };
        let boot = Boot {
            vehicle: &choice.vehicle,
            bundle: self.bundle,
            memory_mib: memory::guest_mib(&plan.workload, disk.is_some()),
            input: &input(&plan, request.own.as_ref().map(|own| &own.vectors)),
            disk,
            patience: request.patience,
        };
        let first_logs = &self.logs;
        let second_logs = self.logs.join(SECOND_BOOT);
        let twice = accelerator == Accelerator::Icount && !request.once;
        let (first, second) = thread::scope(|scope| {
            let second = twice.then(|| scope.spawn(|| boot.follow(&second_logs, |_| ())));
            let first = boot.follow(first_logs, |message| {
                if let Some(line) = progress(message) {
                    tell(&line);
                }
            });
            (
                first,
                second.map(|thread| {
                    thread
                        .join()
                        .expect("the thread of the second boot panicked")
                }),
            )
        });

        let (guest, ending) = first?;
        let fate = Fate::Booted(ending);
        let console = first_logs.join(CONSOLE);
        let kernel_log = fs::read(&console)
            .map_err(|error| format!("cannot read {}: {error}", console.display()))
            .and_then(|log| scan_as_of(&log, self.date));
        let repetition = match second {
            None if twice => unreachable!("a second boot was started"),
            None if request.once => Repetition::None("one boot was asked for".into()),
            None => Repetition::None(format!(
                "under {accelerator} no two boots take the same time"
            )),
            Some(Ok((_, Ending::Completed))) => repetition::compare(first_logs, &second_logs),
            Some(Ok((_, ending))) if ending.is_of_the_host() => {
                Repetition::CouldNotRun(ending.to_string())
            }
            Some(Ok((_, ending))) => Repetition::Failed(ending.to_string()),
            Some(Err(error)) => Repetition::CouldNotRun(error.to_string()),
        };
        let run = MachineRun {
            manifest_text: Some(self.bundle.manifest_text().to_owned()),
            manifest: Ok(self.bundle.manifest().clone()),
            machine: Some(MachineRecord {
                accelerator: Some(accelerator),
                reason: choice.reason.clone(),
                qemu: choice.vehicle.qemu_version().map(str::to_owned),
            }),
            guest_peers,
            plan: Some(plan),
            guest: guest.ended(&fate),
            fate,
            kernel_log,
        };
        Ok((run, repetition))
    }

    /// What the guest is to compare, and from which disk; or why it is not to.
    fn peers_in_guest(
        &self,
        accelerator: Accelerator,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<(PeersPlan, Disk), GuestPeers> {
        let request = self.request;
        let skipped = |reason: &str| GuestPeers::Skipped {
            reason: reason.into(),
        };
        let failed = |reason: String| GuestPeers::Failed { reason };
        if !self.steps.contains(&Step::Peers) {
            return Err(skipped(NOT_ASKED_FOR));
        }
        self.peers.as_ref().map_err(|reason| skipped(reason))?;
        if accelerator == Accelerator::Icount {
            return Err(skipped(
                "instructions are no time that peers could be compared by: it takes kvm or uml",
            ));
        }
        let comparison = &request.criteria.comparison;
        let comparison = comparison
            .clone()
            .ok_or_else(|| failed("the criteria have no comparison".into()))?;
        let Some(python) = &request.peers else {
            return Err(skipped(
                "no Python that has the peers was given (--peers PYTHON)",
            ));
        };
        let manifest = self.bundle.manifest();
        // What a guest under QEMU has as modules is built into a kernel that is a program.
        let reads_disks =
            manifest.machine.is_program() || manifest.guest.roles.contains(&Role::Peers);
        if !reads_disks {
            return Err(failed(
                "the bundle's guest cannot read a disk with the peers: build the bundle with --role peers".into(),
            ));
        }
        let disk = request.peers_disk.disk(python, tell);
        let disk = disk.map_err(|error| failed(format!("{error:#}")))?;
        let plan = PeersPlan {
            comparison,
            python: python.clone(),
        };
        Ok((plan, disk))
    }
}

/// What is known of a machine that was not started.
pub fn not_started(bundle: &Result<Bundle, String>, reason: &str) -> MachineRun {
    MachineRun {
        manifest_text: bundle
            .as_ref()
            .ok()
            .map(|bundle| bundle.manifest_text().to_owned()),
        manifest: bundle
            .as_ref()
            .map(|bundle| bundle.manifest().clone())
            .map_err(Clone::clone),
        machine: None,
        guest_peers: GuestPeers::Failed {
            reason: "no virtual machine was started".into(),
        },
        plan: None,
        guest: GuestReport::default(),
        fate: Fate::NotStarted {
            not_started: reason.to_owned(),
        },
        kernel_log: Err("no virtual machine was started".into()),
    }
}

/// What is needed to boot once, or once more.
struct Boot<'a> {
    vehicle: &'a Vehicle,
    bundle: &'a Bundle,
    memory_mib: u32,
    input: &'a Archive,
    disk: Option<PathBuf>,
    patience: Duration,
}

impl Boot<'_> {
    fn follow(
        &self,
        logs: &Path,
        on_message: impl Fn(&Message),
    ) -> Result<(GuestReport, Ending), MachineError> {
        let config = MachineConfig {
            memory_mib: self.memory_mib,
            kernel_arguments: Vec::new(),
            logs: logs.to_owned(),
            disk: self.disk.clone().map(machine::Disk::Peers),
        };
        let deadlines = Deadlines {
            boot: self.patience,
            message: self.patience,
            end: Duration::from_secs(20),
        };
        let mut machine = Machine::boot(self.vehicle, self.bundle, &config, self.input)?;
        let mut report = GuestReport::default();
        let ending = follow(&mut machine, &deadlines, |message| {
            on_message(&message);
            report.take(message);
        })?;
        Ok((report, ending))
    }
}
