// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs of a directory side by side: how each figure went from one to the next (`docs/report.md`).

mod found;
mod page;
mod past;
mod run;
mod told;
mod trend;

pub use past::History;
