// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chooses the accelerator: KVM only where it has been seen to work.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::qemu::{Mode, Qemu};
use super::session::{Deadlines, Ending, follow};
use super::vehicle::{Vehicle, check};
use super::{Machine, MachineConfig, MachineError, input};
use crate::anns::Metric;
use crate::bundle::Bundle;
use crate::bundle::manifest::MachineKind;
use crate::dataset::source::Source;
use crate::dataset::workload::{Name, Workload};
use crate::protocol::{Accelerator, Plan, VERSION};

/// What the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Requested {
    /// KVM if it works, else icount
    Auto,
    /// The host's CPU: as fast as hardware, or nothing
    Kvm,
    /// Emulation that counts instructions: the same figures on every host
    Icount,
    /// Emulation in the host's time, for debugging
    Tcg,
    /// User-Mode Linux: the kernel's code on the host's CPU, without KVM and without root
    Uml,
}

/// What the user gets, and why.
#[derive(Debug, Clone)]
pub struct Choice {
    pub requested: Requested,
    pub vehicle: Vehicle,
    pub reason: String,
}

/// The deadlines of a probe. A machine that has not got far by then does not work: if it does, this takes a second or
/// two.
const PROBE_DEADLINES: Deadlines = Deadlines {
    boot: Duration::from_secs(15),
    message: Duration::from_secs(5),
    end: Duration::from_secs(5),
};

/// Turns a wish into an accelerator that works. Only a boot of `bundle` proves that KVM or User-Mode Linux works; it
/// leaves its logs in `logs`.
pub fn choose(requested: Requested, bundle: &Bundle, logs: &Path) -> Result<Choice, MachineError> {
    let asked_for = "it was asked for".to_owned();
    if requested == Requested::Uml {
        return match uml_fault(&Vehicle::Uml, bundle, logs)? {
            None => Ok(Choice {
                requested,
                vehicle: Vehicle::Uml,
                reason: asked_for,
            }),
            Some(reason) => Err(MachineError::NoUml { reason }),
        };
    }
    check(MachineKind::Qemu, bundle)?;
    let qemu = Qemu::find()?;
    let (mode, reason) = match requested {
        Requested::Icount => (Mode::Icount, asked_for),
        Requested::Tcg => (Mode::Tcg, asked_for),
        Requested::Auto | Requested::Kvm | Requested::Uml => {
            match kvm_fault(&qemu, bundle, logs)? {
                None => (Mode::Kvm, "a boot with KVM went well".to_owned()),
                Some(fault) if requested == Requested::Auto => {
                    (Mode::Icount, format!("KVM does not work here: {fault}"))
                }
                Some(reason) => return Err(MachineError::NoKvm { reason }),
            }
        }
    };
    Ok(Choice {
        requested,
        vehicle: Vehicle::Qemu(qemu, mode),
        reason,
    })
}

/// What keeps this bundle from running as a process of this host, `vehicle`, if anything does. Only a boot proves that
/// nothing does; it leaves its logs in `logs`.
pub fn uml_fault(
    vehicle: &Vehicle,
    bundle: &Bundle,
    logs: &Path,
) -> Result<Option<String>, MachineError> {
    boot_fault(vehicle, bundle, logs)
}

/// What is wrong with KVM, if anything is.
fn kvm_fault(qemu: &Qemu, bundle: &Bundle, logs: &Path) -> Result<Option<String>, MachineError> {
    if let Err(error) = OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        return Ok(Some(match error.kind() {
            io::ErrorKind::NotFound => "there is no /dev/kvm".to_owned(),
            _ => format!("/dev/kvm cannot be opened ({error})"),
        }));
    }
    let vehicle = Vehicle::Qemu(qemu.clone(), Mode::Kvm);
    let fault = boot_fault(&vehicle, bundle, logs)?;
    Ok(fault.map(|fault| format!("/dev/kvm opens, but {fault}")))
}

/// How a boot without any step ended, if not well.
fn boot_fault(
    vehicle: &Vehicle,
    bundle: &Bundle,
    logs: &Path,
) -> Result<Option<String>, MachineError> {
    let config = MachineConfig {
        memory_mib: 512,
        kernel_arguments: Vec::new(),
        logs: logs.to_owned(),
        disk: None,
    };
    let input = input(&probe_plan(vehicle.accelerator()), None);
    let mut machine = Machine::boot(vehicle, bundle, &config, &input)?;
    let ending = follow(&mut machine, &PROBE_DEADLINES, |_| ())?;
    Ok((ending != Ending::Completed).then(|| ending.to_string()))
}

/// A plan without steps: boot, say hello, power off.
fn probe_plan(accelerator: Accelerator) -> Plan {
    Plan {
        protocol: VERSION,
        run_id: "probe".to_owned(),
        accelerator: Some(accelerator),
        workload: Source::Generated(Workload::new(Name::Inherited)),
        metric: Metric::L2,
        k: 1,
        warmups: 0,
        runs: 0,
        cycles: 0,
        indexes: Vec::new(),
        module_clock: false,
        peers: None,
        suites: None,
        hostile: None,
        cut: None,
        steps: Vec::new(),
    }
}
