// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many samples of a time a plan asks for.

use crate::protocol::Accelerator;

/// How often a search is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Samples {
    /// A second run shows that the first was exact, or nothing is timed at all.
    Few,
    /// The clock counts time, which varies.
    Many,
}

impl Samples {
    /// What an accelerator's clock asks for.
    pub fn by(accelerator: Option<Accelerator>) -> Samples {
        match accelerator {
            Some(Accelerator::Icount) => Samples::Few,
            Some(Accelerator::Kvm | Accelerator::Tcg | Accelerator::Uml) | None => Samples::Many,
        }
    }
}
