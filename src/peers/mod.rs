// SPDX-License-Identifier: MIT OR Apache-2.0
//! The comparison of our kinds, in process and through our drivers, with other people's engines: the same bytes, one
//! core, one interleaved run (`docs/peers.md`).

pub mod adapters;
mod host;
mod order;
mod ours;
mod peer;
mod plan;
mod record;
mod run;
mod series;
mod truth;

pub use host::on_one_core;
pub use ours::{NoMount, Store};
pub use peer::Peers;
pub use plan::{Contestant, Plan, WorkloadPlan};
pub use record::{BuildRecord, Compared, Comparison, Engine, Host, OURS, Samples, Series};
pub use run::{Places, compare};
