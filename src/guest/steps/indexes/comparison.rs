// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether an answer through a mount is the one in process.

use crate::anns::Answer;
use crate::bench::{self, first_divergence};
use crate::client::{Error, Found};
use crate::exercise::Tell;
use crate::protocol::errno_name;
use crate::protocol::results::Case;

/// What is told of an answer that is equal to the bit.
pub const AS_IN_PROCESS: &str = "as in process";

/// Cases that demand the answer in process.
pub struct Comparisons<'a> {
    cases: Vec<Case>,
    tell: Tell<'a>,
}

impl<'a> Comparisons<'a> {
    pub fn new(tell: Tell<'a>) -> Self {
        Comparisons {
            cases: Vec::new(),
            tell,
        }
    }

    /// Adds a case, with what was told of its answer.
    pub fn push(&mut self, name: String, observed: String) {
        let done = self.cases.len() as u64;
        (self.tell)(&name, done, done + 1);
        self.cases.push(Case {
            name,
            expected: AS_IN_PROCESS.to_owned(),
            observed,
        });
    }

    pub fn into_cases(self) -> Vec<Case> {
        self.cases
    }
}

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
