// SPDX-License-Identifier: MIT OR Apache-2.0
//! Search: canonical distances (`docs/arithmetic.md`) and the indexes built on them (`docs/search.md`).

mod backend;
mod building;
mod changes;
pub mod code;
mod directions;
pub mod distance;
pub mod file;
pub mod filter;
pub mod flat;
mod hit;
pub mod hnsw;
pub mod index;
pub mod ivf;
mod kmeans;
#[cfg(target_arch = "x86_64")]
mod limit;
pub mod lsh;
mod metric;
mod partition;
pub mod pq;
pub mod recall;
pub mod topk;
mod twins;

pub use changes::Changes;
pub use filter::Filter;
pub use hit::{Answer, Hit, key, order};
pub use metric::Metric;
