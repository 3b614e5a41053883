// SPDX-License-Identifier: MIT OR Apache-2.0
//! Validation on vectors of the user's own: what is read, what is refused, and whole runs.

#[path = "../bundle/mod.rs"]
mod bundle;
mod formats;
#[path = "../python/mod.rs"]
mod python;
mod reading;
mod refusals;
mod runs;
