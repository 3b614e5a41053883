// SPDX-License-Identifier: MIT OR Apache-2.0
//! One workload, measured in one place: in process, through FUSE or through the module.

mod answer;
pub mod launches;
mod run;
pub mod stats;
mod truth;

pub use answer::{Answer, answers_hash, first_divergence, ids_hash};
pub use run::{Measurement, Options, recall, run};
pub use truth::truth;

use serde::{Deserialize, Serialize};

/// A figure, or why there is none: what could not be measured is never a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured<T> {
    pub value: Option<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl<T, E: std::fmt::Display> From<Result<T, E>> for Measured<T> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Measured {
                value: Some(value),
                reason: None,
            },
            // All of a chain of errors, in one line.
            Err(error) => Measured {
                value: None,
                reason: Some(format!("{error:#}")),
            },
        }
    }
}
