// SPDX-License-Identifier: MIT OR Apache-2.0
//! One thing in which a packed run and another one are held against each other.

use serde::Serialize;

use crate::verdict::Verdict;
use crate::verdict::evidence::Evidence;

/// How far the two agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// To the digit, or to the bit.
    Equal,
    /// Between the bounds that the packed runs have.
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
    /// Why nobody can compare it, or what it was held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A run that was packed, or the one that is held against it.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub evidence: &'a Evidence,
    pub verdict: &'a Verdict,
}
