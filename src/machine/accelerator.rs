// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chooses the accelerator: KVM only where it has been seen to work.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::qemu::Qemu;
use super::session::{Deadlines, Ending, follow};
use super::{Machine, MachineConfig, MachineError, input};
use crate::anns::Metric;
use crate::bundle::Bundle;
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
}

/// What the user gets, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    pub requested: Requested,
    pub accelerator: Accelerator,
    pub reason: String,
}

/// The deadlines of a probe. A machine that has not got far by then has no working KVM: with it, this takes a second or
/// two.
const PROBE_DEADLINES: Deadlines = Deadlines {
    boot: Duration::from_secs(15),
    message: Duration::from_secs(5),
    end: Duration::from_secs(5),
};

/// Turns a wish into an accelerator that works. Only a boot of `bundle` proves that KVM works; it leaves its logs in
/// `logs`.
pub fn choose(
    requested: Requested,
    qemu: &Qemu,
    bundle: &Bundle,
    logs: &Path,
) -> Result<Choice, MachineError> {
    let (accelerator, reason) = match requested {
        Requested::Icount => (Accelerator::Icount, "it was asked for".to_owned()),
        Requested::Tcg => (Accelerator::Tcg, "it was asked for".to_owned()),
        Requested::Auto | Requested::Kvm => match kvm_fault(qemu, bundle, logs)? {
            None => (Accelerator::Kvm, "a boot with KVM went well".to_owned()),
            Some(fault) if requested == Requested::Auto => (
                Accelerator::Icount,
                format!("KVM does not work here: {fault}"),
            ),
            Some(reason) => return Err(MachineError::NoKvm { reason }),
        },
    };
    Ok(Choice {
        requested,
        accelerator,
        reason,
    })
}

/// What is wrong with KVM, if anything is.
fn kvm_fault(qemu: &Qemu, bundle: &Bundle, logs: &Path) -> Result<Option<String>, MachineError> {
    if let Err(error) = OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        return Ok(Some(match error.kind() {
            io::ErrorKind::NotFound => "there is no /dev/kvm".to_owned(),
            _ => format!("/dev/kvm cannot be opened ({error})"),
        }));
    }
    let config = MachineConfig {
        accelerator: Accelerator::Kvm,
        memory_mib: 512,
        kernel_arguments: Vec::new(),
        logs: logs.to_owned(),
        disk: None,
    };
    let input = input(&probe_plan(), None);
    let mut machine = Machine::boot(qemu, bundle, &config, &input)?;
    let ending = follow(&mut machine, &PROBE_DEADLINES, |_| ())?;
    Ok((ending != Ending::Completed).then(|| format!("/dev/kvm opens, but {ending}")))
}

/// A plan without steps: boot, say hello, power off.
fn probe_plan() -> Plan {
    Plan {
        protocol: VERSION,
        run_id: "kvm-probe".to_owned(),
        accelerator: Some(Accelerator::Kvm),
        workload: Source::Generated(Workload::new(Name::Inherited)),
        metric: Metric::L2,
        k: 1,
        warmups: 0,
        runs: 0,
        cycles: 0,
        indexes: Vec::new(),
        peers: None,
        steps: Vec::new(),
    }
}
