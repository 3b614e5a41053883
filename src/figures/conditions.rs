// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a figure was measured under.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::anns::Metric;
use crate::client::{Kind, Place};
use crate::protocol::Accelerator;

/// Everything that decides which other figures a figure may be compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    pub engine: Engine,
    pub dataset: Dataset,
    pub operation: Operation,
    #[serde(default, skip_serializing_if = "Window::is_call")]
    pub window: Window,
    pub metric: Metric,
    /// The number of hits of a search; none for other operations.
    pub k: Option<u32>,
    pub kind: Kind,
    /// efSearch, nprobe, probes or candidates re-ranked; 0 is the index's own default.
    pub effort: u32,
    /// The mean recall@k by rows, as measured in the very searches that were timed; none where nobody measured it.
    pub recall: Option<f64>,
    pub place: Place,
    pub machine: Machine,
    pub clock: Clock,
    pub threads: u32,
}

/// The engine that was measured, and in which version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    pub name: String,
    pub version: String,
}

/// The bytes that were searched, inserted or indexed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    pub name: String,
    pub rows: u64,
    pub dim: u32,
    /// The BLAKE3 of the rows, little-endian f32; none where it was not recorded, which equals nothing else.
    pub vectors_blake3: Option<String>,
    pub queries_blake3: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// A search with one query a call.
    Search,
    /// Rows inserted, from the first one handed over until a search finds them all.
    Insert,
    /// An index built on rows that are there.
    Build,
}

/// Which part of an operation lies between the two readings of the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// The whole call, as its caller sees it.
    #[default]
    Call,
    /// The whole call, less what a call costs there that does nothing.
    NetCall,
    /// The module's handler of the call.
    Handler,
    /// The search alone, within the module.
    Search,
}

impl Window {
    fn is_call(&self) -> bool {
        *self == Window::Call
    }
}

/// The machine whose instructions or seconds these are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Machine {
    Host {
        cpu: String,
    },
    Guest {
        /// The accelerator; none where a hypervisor does not tell.
        accelerator: Option<Accelerator>,
        /// The CPU as the guest sees it; none where nobody looked, or where none is behind the clock.
        cpu: Option<String>,
        /// The BLAKE3 of the bundle's manifest.
        bundle: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// CLOCK_MONOTONIC where it counts time.
    Monotonic,
    /// CLOCK_MONOTONIC under icount: one nanosecond is one guest instruction.
    Instructions,
    /// CLOCK_MONOTONIC of an emulated machine, which means nothing.
    Emulated,
    /// CLOCK_MONOTONIC of a machine that does not tell what it counts.
    Unknown,
}

impl Clock {
    pub fn of(accelerator: impl Into<Option<Accelerator>>) -> Clock {
        match accelerator.into() {
            Some(Accelerator::Kvm | Accelerator::Uml) => Clock::Monotonic,
            Some(Accelerator::Icount) => Clock::Instructions,
            Some(Accelerator::Tcg) => Clock::Emulated,
            None => Clock::Unknown,
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Clock::Monotonic => "ns",
            Clock::Instructions => "instructions",
            Clock::Emulated => "ns (emulated: means nothing)",
            Clock::Unknown => "ns (of an unknown clock)",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Clock::Monotonic => "nanoseconds",
            Clock::Instructions => "instructions",
            Clock::Emulated => "emulated nanoseconds",
            Clock::Unknown => "nanoseconds of an unknown clock",
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Window::Call => "whole call",
            Window::NetCall => "call, less an empty one",
            Window::Handler => "the module's handler",
            Window::Search => "the module's search",
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Search => "search",
            Operation::Insert => "insert",
            Operation::Build => "build",
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Machine::Host { cpu } => write!(f, "the host ({cpu})"),
            Machine::Guest {
                accelerator,
                cpu,
                bundle,
            } => {
                match accelerator {
                    Some(accelerator) => write!(f, "a guest under {accelerator}")?,
                    None => write!(f, "a guest of an unknown hypervisor")?,
                }
                if let Some(cpu) = cpu {
                    write!(f, " on {cpu}")?;
                }
                if !bundle.is_empty() {
                    write!(f, " (bundle {bundle:.16})")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} x {}", self.name, self.rows, self.dim)?;
        match &self.vectors_blake3 {
            Some(blake3) => write!(f, ", BLAKE3 {blake3:.16})"),
            None => write!(f, ", of unknown bytes)"),
        }
    }
}

impl fmt::Display for Conditions {
    /// Writes a name for a reader: the conditions that tell figures of one run apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.engine.name, self.kind, self.operation)?;
        if self.operation == Operation::Search {
            write!(f, ", effort {}", self.effort)?;
        }
        if self.window != Window::Call {
            write!(f, ", {}", self.window)?;
        }
        write!(f, ", {} on {}", self.place, self.dataset.name)
    }
}

impl Machine {
    pub(super) fn cpu(&self) -> Option<&str> {
        match self {
            Machine::Host { cpu } => Some(cpu),
            Machine::Guest { cpu, .. } => cpu.as_deref(),
        }
    }

    /// The machine with its bundle left out, to compare guests of any bundle.
    pub fn without_bundle(&self) -> Machine {
        match self {
            Machine::Guest {
                accelerator, cpu, ..
            } => Machine::Guest {
                accelerator: *accelerator,
                cpu: cpu.clone(),
                bundle: String::new(),
            },
            host @ Machine::Host { .. } => host.clone(),
        }
    }
}
