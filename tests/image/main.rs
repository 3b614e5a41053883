// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bootable image: its bytes, and real boots by UEFI firmware, after which the verdict is read back from it.

mod boots;
#[path = "../sabotage/bundles.rs"]
mod bundles;
mod bytes;
#[path = "../sabotage/faults.rs"]
mod faults;
mod image;

/// The name of the bundle without a fault.
const BUNDLE: &str = "image-bundle";
const BUNDLE_ARGUMENTS: &[&str] = &["--role", "disks"];
