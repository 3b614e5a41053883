// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether an answer through a mount is the one in process.

use crate::anns::Answer;
use crate::bench::{self, first_divergence};
use crate::client::{Error, Found};
use crate::protocol::errno_name;

/// What is told of an answer that is equal to the bit.
pub const AS_IN_PROCESS: &str = "as in process";

/// How what was found differs from the answer in process; or the error, by its name.
pub fn told(found: Result<Found, Error>, expected: &Answer) -> String {
    let found = match found {
        Ok(found) => found,
        Err(error) => return error.errno().map_or(error.to_string(), errno_name),
    };
    let [ours, theirs] = [&expected.hits, &found.hits].map(|hits| bench::Answer::new(hits));
    match first_divergence(std::slice::from_ref(&ours), std::slice::from_ref(&theirs)) {
        Some(divergence) => divergence,
        None if found.evaluated != expected.evaluated => format!(
            "{} distances computed, {} in process",
            found.evaluated, expected.evaluated
        ),
        None => AS_IN_PROCESS.to_owned(),
    }
}

/// The first of several that differs, if one does.
pub fn first_told(mut told: impl Iterator<Item = String>) -> String {
    told.find(|told| told != AS_IN_PROCESS)
        .unwrap_or_else(|| AS_IN_PROCESS.to_owned())
}
