// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tool prints.

pub use crate::system::output::print_line;

/// Prints a value as one line of JSON.
pub fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print_line(&serde_json::to_string(value)?)
}
