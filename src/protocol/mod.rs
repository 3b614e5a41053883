// SPDX-License-Identifier: MIT OR Apache-2.0
//! What host and guest say to each other, and the names under which both find it (`docs/protocol.md`).
//!
//! The host tells the guest a [`Plan`] before it boots; the guest tells the host [`Message`]s while it runs.

mod accelerator;
mod case;
pub mod cuts;
pub mod guest_files;
pub mod hostile;
mod message;
mod outcome;
mod plan;
pub mod results;
pub mod run_files;
mod shell;
mod step;

pub use accelerator::Accelerator;
pub use message::Message;
pub use outcome::{Failure, Outcome, errno_name};
pub use plan::{Build, IndexCase, KindPlan, PeersPlan, Plan, SuitesPlan};
pub use shell::{Shell, Stream, Window};
pub use step::Step;

/// The version of the protocol, raised whenever a plan or a message changes its meaning.
pub const VERSION: u32 = 9;
