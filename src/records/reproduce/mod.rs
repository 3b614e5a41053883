// SPDX-License-Identifier: MIT OR Apache-2.0
//! A packed run held against another one, row by row: what must come out equal for everybody, what only for the same bundle, and what
//! nobody can compare.

mod answers;
mod checks;
mod counts;
mod identity;
mod times;

use serde::Serialize;

use crate::validate::evidence::Evidence;
use crate::validate::verdict::Verdict;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// To the digit, or to the bit.
    Equal,
    /// Between the bounds that the packed runs have.
    Within,
    Differs,
    NotComparable,
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Equal => "equal",
            Outcome::Within => "within",
            Outcome::Differs => "DIFFERS",
            Outcome::NotComparable => "not comparable",
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Row {
    pub what: String,
    pub outcome: Outcome,
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

#[derive(Debug, Serialize)]
pub struct Reproduction {
    /// Something was searched in both runs, and nothing differs.
    pub reproduced: bool,
    pub rows: Vec<Row>,
}

impl Reproduction {
    pub fn of(packed: Side, new: Side) -> Reproduction {
        let answers = answers::rows(packed, new);
        let searched = answers.iter().any(|row| row.outcome == Outcome::Equal);
        let mut rows = identity::rows(packed, new);
        rows.extend(answers);
        rows.extend(checks::rows(packed, new));
        rows.extend(counts::rows(packed, new));
        rows.extend(times::rows(packed, new));
        Reproduction {
            reproduced: searched && rows.iter().all(|row| row.outcome != Outcome::Differs),
            rows,
        }
    }

    /// 0 reproduced, 1 something differs, 2 nothing could be compared.
    pub fn exit_code(&self) -> u8 {
        if self.rows.iter().any(|row| row.outcome == Outcome::Differs) {
            1
        } else if self.reproduced {
            0
        } else {
            2
        }
    }
}
