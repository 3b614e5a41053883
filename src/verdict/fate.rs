// SPDX-License-Identifier: MIT OR Apache-2.0
//! What became of the virtual machine of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::machine::session::Ending;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fate {
    Booted(Ending),
    NotStarted { not_started: String },
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::Booted(ending) => ending.fmt(f),
            Fate::NotStarted { not_started } => {
                write!(f, "the plan was not started: {not_started}")
            }
        }
    }
}
