// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machines of a run: one by which all is judged that counts no time, and one beside it for time.

use anyhow::{Result, anyhow};

use super::one_machine::{Asked, not_started};
use super::request::{NOT_ASKED_FOR, RunRequest};
use crate::bundle::Bundle;
use crate::criteria::subject;
use crate::dataset::source::Source;
use crate::machine::accelerator::{self, Choice, Requested};
use crate::machine::vehicle::Vehicle;
use crate::protocol::Step;
use crate::protocol::run_files::{KVM_PROBE, UML, UML_PROBE};
use crate::system::clock::today;
use crate::verdict::evidence::{GuestPeers, MachineRun, Repetition, Second};

pub struct Machines {
    pub first: MachineRun,
    pub second: Second,
    pub repetition: Repetition,
}

/// Runs the machines one after the other, so that neither disturbs what the other one times.
pub fn run(request: &RunRequest, workload: &Source, tell: &(dyn Fn(&str) + Sync)) -> Machines {
    let steps = subject::steps(&request.criteria);
    let steps = steps.as_deref();
    let (first, repetition) = first(request, workload, steps, tell);
    let second = second(request, workload, steps, &first, tell);
    Machines {
        first,
        second,
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
    let skipped = |reason: String| Second::Skipped { reason };
    let failed = |reason: String| Second::Failed { reason };
    if request.accelerator != Requested::Auto {
        return skipped("only --accel auto adds a second machine".into());
    }
    let Some(steps) = steps.filter(|_| subject::look_at_uml(&request.criteria)) else {
        return skipped(NOT_ASKED_FOR.into());
    };
    if !request.uml_bundle.exists() {
        return skipped(format!(
            "there is no {}: vexfs-validate bundle --machine uml builds it",
            request.uml_bundle.display()
        ));
    }
    let bundle = match Bundle::open(&request.uml_bundle) {
        Ok(bundle) => bundle,
        Err(error) => {
            return failed(format!(
                "the second machine's bundle is not intact: {error}"
            ));
        }
    };
    match accelerator::uml_fault(&bundle, &request.out.join(UML_PROBE)) {
        Ok(None) => {}
        Ok(Some(fault)) => {
            return skipped(format!("User-Mode Linux does not work here: {fault}"));
        }
        Err(error) => return failed(error.to_string()),
    }
    let choice = Choice {
        requested: request.accelerator,
        vehicle: Vehicle::Uml,
        reason: "a boot of it went well".into(),
    };
    let asked = Asked {
        request,
        bundle: &bundle,
        workload,
        steps,
        date: today(),
        logs: request.out.join(UML),
        peers: match first.guest_peers {
            GuestPeers::Planned { .. } => Err("the first machine makes the comparison".into()),
            _ => Ok(()),
        },
    };
    match asked.run(&choice, tell) {
        Ok((run, _)) => Second::Run(Box::new(run)),
        Err(error) => failed(format!("{error:#}")),
    }
}
