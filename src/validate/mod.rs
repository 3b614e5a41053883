// SPDX-License-Identifier: MIT OR Apache-2.0
//! From results to a verdict: checks, criteria, report (`docs/validation.md`).

pub mod builder;
pub mod check;
pub mod checks;
pub mod criteria;
pub mod evidence;
mod file_truth;
pub mod guest_report;
pub mod host;
pub mod judgement;
pub mod own_criteria;
pub mod own_data;
pub mod room;
pub mod run;
pub mod scratch;
pub mod terminal;
mod user_namespace;
pub mod verdict;
