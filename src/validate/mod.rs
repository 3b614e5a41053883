// SPDX-License-Identifier: MIT OR Apache-2.0
//! From results to a verdict: checks, criteria, report (`docs/validation.md`).

pub mod builder;
pub mod check;
pub mod checks;
pub mod comparing;
pub mod criteria;
mod daemon;
pub mod evidence;
pub mod figures;
mod file_truth;
pub mod guest_report;
pub mod host;
pub mod judgement;
pub mod own_criteria;
pub mod own_data;
pub mod peers_disk;
pub mod python_files;
pub mod record;
mod repetition;
pub mod room;
pub mod run;
pub mod scratch;
pub mod terminal;
mod twice_told;
mod user_namespace;
pub mod verdict;
