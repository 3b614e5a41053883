// SPDX-License-Identifier: MIT OR Apache-2.0
//! One thing in which a packed run is compared with another one.

use serde::Serialize;

use crate::verdict::Verdict;
use crate::verdict::evidence::Evidence;

/// How far the two agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// Both are equal, to the digit or to the bit.
    Equal,
    /// The new value lies between the bounds that the packed runs have.
    Within,
    Differs,
    NotComparable,
}

impl Agreement {
    pub fn word(self) -> &'static str {
        match self {
            Agreement::Equal => "equal",
            Agreement::Within => "within",
            Agreement::Differs => "DIFFERS",
            Agreement::NotComparable => "not comparable",
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Row {
    pub what: String,
    pub outcome: Agreement,
    pub packed: String,
    pub new: String,
    /// Why nobody can compare it, or what it was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One of two runs: the packed one, or the one that is compared with it.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub evidence: &'a Evidence,
    pub verdict: &'a Verdict,
}
