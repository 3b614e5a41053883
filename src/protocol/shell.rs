// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the host tells a guest that is there for a person, or for one command of theirs.

use serde::{Deserialize, Serialize};

/// Takes the place of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shell {
    pub protocol: u32,
    /// What to run, without a terminal; none is a prompt.
    pub command: Option<String>,
    /// The kind of the terminal, as in `$TERM`.
    pub terminal: String,
    /// The size of the terminal, if that is known.
    pub window: Option<Window>,
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub rows: u16,
    pub columns: u16,
}

/// Where a command writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    Out,
    Error,
}
