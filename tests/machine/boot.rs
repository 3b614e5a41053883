// SPDX-License-Identifier: MIT OR Apache-2.0
//! A boot of a bundle without the rest of a run.

use std::path::Path;
use std::time::Duration;

use vexfs::anns::Metric;
use vexfs::dataset::source::Source;
use vexfs::dataset::workload::{Name, Workload};
use vexfs::machine::MachineConfig;
use vexfs::machine::qemu::{Mode, Qemu};
use vexfs::machine::session::Deadlines;
use vexfs::machine::vehicle::Vehicle;
use vexfs::protocol::{Accelerator, Plan, Step, VERSION};

/// Emulation on a busy host needs patience.
pub const DEADLINES: Deadlines = Deadlines {
    boot: Duration::from_secs(180),
    message: Duration::from_secs(60),
    end: Duration::from_secs(60),
};

/// A plan with these steps, and as little of everything else as there may be.
pub fn plan(accelerator: Accelerator, steps: Vec<Step>) -> Plan {
    Plan {
        protocol: VERSION,
        run_id: "test".to_owned(),
        accelerator: Some(accelerator),
        workload: Source::Generated(Workload::new(Name::Inherited)),
        metric: Metric::L2,
        k: 1,
        warmups: 1,
        runs: 1,
        cycles: 1,
        indexes: Vec::new(),
        module_clock: false,
        peers: None,
        suites: None,
        hostile: None,
        cut: None,
        steps,
    }
}

pub fn qemu(mode: Mode) -> Vehicle {
    Vehicle::Qemu(Qemu::find().unwrap(), mode)
}

/// A machine without a disk, which writes its logs there.
pub fn config(logs: &Path) -> MachineConfig {
    MachineConfig {
        memory_mib: 1024,
        kernel_arguments: Vec::new(),
        logs: logs.to_owned(),
        disk: None,
    }
}
