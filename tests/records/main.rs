// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs as records: one real run, written down, read back, judged again, and tampered with.

#[path = "../sabotage/bundles.rs"]
mod bundles;
mod kept;
mod record;

/// The name of the bundle without a fault.
const BUNDLE: &str = "records-bundle";
const BUNDLE_ARGUMENTS: &[&str] = &[];
