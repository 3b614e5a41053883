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
pub mod guest_report;
pub mod host;
pub mod judgement;
pub mod record;
mod repetition;
pub mod run;
pub mod scratch;
pub mod terminal;
mod twice_told;
mod user_namespace;
pub mod verdict;
