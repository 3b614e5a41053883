// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The steps in the order in which a full run takes them. Each brings the guest into the state that it needs, so none
/// depends on the success of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Reports what this machine is.
    Identity,
    /// Looks at the module's file, its load, build id, registration and unload.
    Module,
    /// Loads, mounts, writes, searches, checks what is busy, unmounts and unloads, again and again.
    Cycles,
    /// Tries file operations through each mount, compared with the lower filesystem.
    Files,
    /// Provokes every errno of `docs/abi.md`, from each driver.
    Errors,
    /// Tries what a filesystem that is stacked on another one must get right.
    Stacking,
    /// Does to the module whatever a user without privileges can.
    Hostile,
    /// Searches while the file changes.
    Concurrency,
    /// Writes the dataset through each mount, reads it back, and searches it in every place.
    Workload,
    /// Writes indexes through each mount, searches them in every place, changes and replaces them.
    Indexes,
    /// Measures what calls cost that do nothing.
    Calls,
    /// Runs the POSIX suites in every place, on tmpfs and on ext4.
    Suites,
    /// Measures our kinds in every place beside the peers.
    Peers,
    /// Tells what a power cut has left on a disk.
    Survivors,
    /// Writes to that disk until the guest is cut off.
    Writing,
    /// Lets every allocation and every read of the module fail once. Only a debug kernel can.
    Failing,
    /// Asks what watches the module in a debug kernel: memory that is lost, and whether lockdep still looks.
    Watchers,
    /// Checks that the module is still there, unloads it, and reports the kernel log and what is left over.
    After,
}

impl Step {
    pub const ALL: [Step; 18] = [
        Step::Identity,
        Step::Module,
        Step::Cycles,
        Step::Files,
        Step::Errors,
        Step::Stacking,
        Step::Hostile,
        Step::Concurrency,
        Step::Workload,
        Step::Indexes,
        Step::Calls,
        Step::Suites,
        Step::Peers,
        Step::Survivors,
        Step::Writing,
        Step::Failing,
        Step::Watchers,
        Step::After,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Step::Identity => "identity",
            Step::Module => "module",
            Step::Cycles => "cycles",
            Step::Files => "files",
            Step::Errors => "errors",
            Step::Stacking => "stacking",
            Step::Hostile => "hostile",
            Step::Concurrency => "concurrency",
            Step::Workload => "workload",
            Step::Indexes => "indexes",
            Step::Calls => "calls",
            Step::Suites => "suites",
            Step::Peers => "peers",
            Step::Survivors => "survivors",
            Step::Writing => "writing",
            Step::Failing => "failing",
            Step::Watchers => "watchers",
            Step::After => "after",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_json_shows() {
        for step in Step::ALL {
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
    }
}
