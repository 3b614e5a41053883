// SPDX-License-Identifier: MIT OR Apache-2.0
//! One row of a verdict.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Pass,
    Fail,
    /// It was measured, but not sharply enough: the interval has the limit in it. Never counted as passed.
    Inconclusive,
    /// It does not apply here; never counted as passed.
    Skipped,
    /// It applies, but what it needs did not happen.
    CouldNotRun,
}

/// The phases of a validation, with their titles.
pub const PHASES: [(u8, &str); 4] = [
    (1, "FUSE preserved"),
    (2, "same workload, same machine"),
    (3, "the kernel module"),
    (4, "stability"),
];

impl Status {
    pub const ALL: [Status; 5] = [
        Status::Pass,
        Status::Fail,
        Status::Inconclusive,
        Status::Skipped,
        Status::CouldNotRun,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Status::Pass => "pass",
            Status::Fail => "FAIL",
            Status::Inconclusive => "inconclusive",
            Status::Skipped => "skipped",
            Status::CouldNotRun => "could not run",
        }
    }
}

/// What an evaluation found: the status and, in words and figures, what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub status: Status,
    pub measured: String,
}

impl Finding {
    pub fn pass(measured: impl std::fmt::Display) -> Self {
        Finding {
            status: Status::Pass,
            measured: measured.to_string(),
        }
    }

    pub fn fail(measured: impl std::fmt::Display) -> Self {
        Finding {
            status: Status::Fail,
            measured: measured.to_string(),
        }
    }

    pub fn inconclusive(measured: impl std::fmt::Display) -> Self {
        Finding {
            status: Status::Inconclusive,
            measured: measured.to_string(),
        }
    }

    pub fn skipped(why: impl std::fmt::Display) -> Self {
        Finding {
            status: Status::Skipped,
            measured: why.to_string(),
        }
    }

    pub fn could_not_run(why: impl std::fmt::Display) -> Self {
        Finding {
            status: Status::CouldNotRun,
            measured: why.to_string(),
        }
    }

    /// A finding that passes or fails, with the same words for both.
    pub fn judge(ok: bool, measured: impl std::fmt::Display) -> Self {
        if ok {
            Finding::pass(measured)
        } else {
            Finding::fail(measured)
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub id: String,
    pub phase: u8,
    pub status: Status,
    /// What was found, or why nothing could be.
    pub measured: String,
    /// What was asked for, as written down before the run.
    pub criterion: String,
    /// The file of the run's directory that shows it.
    pub evidence: String,
}
