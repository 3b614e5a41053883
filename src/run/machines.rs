// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machines of a run: one by which all is judged that counts no time, one beside it for time, and a debug kernel.

use std::path::Path;

use anyhow::{Result, anyhow};

use super::one_machine::{Asked, not_started};
use super::request::{NOT_ASKED_FOR, RunRequest};
use crate::bundle::Bundle;
use crate::bundle::manifest::MachineKind;
use crate::criteria::subject;
use crate::dataset::source::Source;
use crate::machine::accelerator::{self, Choice, Requested};
use crate::machine::vehicle::Vehicle;
use crate::protocol::Step;
use crate::protocol::run_files::{DEBUG, DEBUG_PROBE, KVM_PROBE, UML, UML_PROBE};
use crate::system::clock::today;
use crate::verdict::evidence::{GuestPeers, MachineRun, Repetition, Second};

pub struct Machines {
    pub first: MachineRun,
    pub second: Second,
    pub debug: Second,
    pub repetition: Repetition,
}

/// Runs the machines one after the other, so that neither disturbs what the other one times.
pub fn run(request: &RunRequest, workload: &Source, tell: &(dyn Fn(&str) + Sync)) -> Machines {
    let steps = subject::steps(&request.criteria);
    let steps = steps.as_deref();
    let (first, repetition) = first(request, workload, steps, tell);
    let second = second(request, workload, steps, &first, tell);
    let debug = debug(request, workload, tell);
    Machines {
        first,
        second,
        debug,
        repetition,
    }
}

fn first(
    request: &RunRequest,
    workload: &Source,
    steps: Option<&[Step]>,
    tell: &(dyn Fn(&str) + Sync),
) -> (MachineRun, Repetition) {
    let bundle = Bundle::open(&request.bundle).map_err(|error| error.to_string());
    let nothing = |error: anyhow::Error| {
        let reason = format!("{error:#}");
        let none = Repetition::None("no virtual machine was started".into());
        (not_started(&bundle, &reason), none)
    };
    let opened = match &bundle {
        Ok(bundle) => bundle,
        Err(reason) => return nothing(anyhow!("the bundle is not intact: {reason}")),
    };
    let Some(steps) = steps else {
        return nothing(anyhow!(NOT_ASKED_FOR));
    };
    let started = || -> Result<_> {
        let probe = match request.accelerator {
            Requested::Uml => UML_PROBE,
            _ => KVM_PROBE,
        };
        let choice = accelerator::choose(request.accelerator, opened, &request.out.join(probe))?;
        Asked {
            request,
            bundle: opened,
            workload,
            steps,
            date: today(),
            logs: request.out.clone(),
            peers: Ok(()),
        }
        .run(&choice, tell)
    };
    started().unwrap_or_else(nothing)
}

/// The second machine is added where the first one was left to us, and where it works.
fn second(
    request: &RunRequest,
    workload: &Source,
    steps: Option<&[Step]>,
    first: &MachineRun,
    tell: &(dyn Fn(&str) + Sync),
) -> Second {
    if request.accelerator != Requested::Auto {
        return skipped("only --accel auto adds a second machine");
    }
    let Some(steps) = steps.filter(|_| subject::look_at_uml(&request.criteria)) else {
        return skipped(NOT_ASKED_FOR);
    };
    let beside = Beside {
        vehicle: Vehicle::Uml,
        bundle: &request.uml_bundle,
        machine: MachineKind::Uml,
        probe: UML_PROBE,
        logs: UML,
    };
    let peers = match first.guest_peers {
        GuestPeers::Planned { .. } => Err("the first machine makes the comparison".into()),
        _ => Ok(()),
    };
    beside.run(request, workload, steps, peers, tell)
}

/// The debug kernel runs wherever it works: nothing of it is compared with what another machine measures.
fn debug(request: &RunRequest, workload: &Source, tell: &(dyn Fn(&str) + Sync)) -> Second {
    let Some(steps) = subject::debug_steps(&request.criteria) else {
        return skipped(NOT_ASKED_FOR);
    };
    let beside = Beside {
        vehicle: Vehicle::UmlDebug,
        bundle: &request.debug_bundle,
        machine: MachineKind::UmlDebug,
        probe: DEBUG_PROBE,
        logs: DEBUG,
    };
    let peers = Err("a debug kernel measures nothing".into());
    beside.run(request, workload, &steps, peers, tell)
}

/// A machine that is added to a run.
struct Beside<'a> {
    vehicle: Vehicle,
    bundle: &'a Path,
    machine: MachineKind,
    /// The directories for the boot that tries it, and for its own.
    probe: &'static str,
    logs: &'static str,
}

impl Beside<'_> {
    fn run(
        self,
        request: &RunRequest,
        workload: &Source,
        steps: &[Step],
        peers: Result<(), String>,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Second {
        let failed = |reason: String| Second::Failed { reason };
        let machine = self.machine;
        if !self.bundle.exists() {
            return skipped(&format!(
                "there is no {}: vexfs-validate bundle --machine {machine} builds it",
                self.bundle.display()
            ));
        }
        let bundle = match Bundle::open(self.bundle) {
            Ok(bundle) => bundle,
            Err(error) => {
                return failed(format!("the bundle for {machine} is not intact: {error}"));
            }
        };
        match accelerator::uml_fault(&self.vehicle, &bundle, &request.out.join(self.probe)) {
            Ok(None) => {}
            Ok(Some(fault)) => {
                return skipped(&format!("User-Mode Linux does not work here: {fault}"));
            }
            Err(error) => return failed(error.to_string()),
        }
        let choice = Choice {
            requested: request.accelerator,
            vehicle: self.vehicle,
            reason: "a boot of it went well".into(),
        };
        let asked = Asked {
            request,
            bundle: &bundle,
            workload,
            steps,
            date: today(),
            logs: request.out.join(self.logs),
            peers,
        };
        match asked.run(&choice, tell) {
            Ok((run, _)) => Second::Run(Box::new(run)),
            Err(error) => failed(format!("{error:#}")),
        }
    }
}

fn skipped(reason: &str) -> Second {
    Second::Skipped {
        reason: reason.to_owned(),
    }
}
