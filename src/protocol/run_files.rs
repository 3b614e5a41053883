// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of the files that a run leaves in its directory (`docs/validation.md`), and how JSON is written there.

use anyhow::Result;
use serde::Serialize;

/// The criteria: what was asked for.
pub const CRITERIA: &str = "criteria.json";

/// The manifest of the bundle, which bears this name in the bundle, too.
pub const MANIFEST: &str = "manifest.json";

/// What was measured on the host.
pub const HOST: &str = "host.json";

/// Our kinds and the peers on the host.
pub const COMPARISON: &str = "comparison.json";

/// All that the guest reported.
pub const RESULTS: &str = "results.json";

/// Every figure, with what it was measured under.
pub const FIGURES: &str = "figures.json";

/// The evidence that is in no other file.
pub const RUN: &str = "run.json";

/// The checks and what came of them.
pub const VERDICT: &str = "verdict.json";

/// The kernel log of the guest, as it left the serial console.
pub const CONSOLE: &str = "console.log";

/// The messages of the guest, as they came.
pub const MESSAGES: &str = "messages.jsonl";

/// What QEMU itself wrote.
pub const QEMU: &str = "qemu.log";

/// What the program that is User-Mode Linux wrote, other than its kernel's log.
pub const UML_LOG: &str = "uml.log";

/// The directory that holds the logs of a second boot of one plan.
pub const SECOND_BOOT: &str = "second-boot";

/// The directory that holds the logs of the boot that tells whether KVM works.
pub const KVM_PROBE: &str = "kvm-probe";

/// The directories of the second machine of a run, and of the boot that showed whether it works.
pub const UML: &str = "uml";
pub const UML_PROBE: &str = "uml-probe";

/// The directories of the machine that is a debug kernel, and of the boot that showed whether it works.
pub const DEBUG: &str = "debug";
pub const DEBUG_PROBE: &str = "debug-probe";

/// The power cuts, if there were to be any: what was stored, and what was found.
pub const CUTS: &str = "cuts.json";

/// The directory that holds the logs of the last guest that was cut off.
pub const CUT_LOGS: &str = "cuts";

/// The run for readers: a page, XML for a CI, a summary.
pub const PAGE: &str = "report.html";
pub const JUNIT: &str = "junit.xml";
pub const MARKDOWN: &str = "report.md";

/// Writes a value as JSON, indented, with an end of line.
pub fn to_json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
