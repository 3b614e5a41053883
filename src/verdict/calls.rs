// SPDX-License-Identifier: MIT OR Apache-2.0
//! What calls cost that do nothing, as the checks take them off.

use crate::bench::stats;
use crate::criteria::check::Finding;
use crate::protocol::results::{Call, Calls};

use super::evidence::done;

/// The nanoseconds of a call: the median of its runs.
pub fn cost(calls: &Calls, call: Call) -> Result<f64, Finding> {
    let missing = || Finding::could_not_run(format!("{} was not measured", call.words()));
    let runs = done(calls.costs.get(&call).ok_or_else(missing)?)?;
    if runs.is_empty() {
        return Err(missing());
    }
    Ok(stats::median(runs.iter().copied()))
}
