// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares a packed run with another one, row by row: what must come out equal for everybody, what only for the same
//! bundle, and what nobody can compare.

mod answers;
mod checks;
mod counts;
mod identity;
mod row;
mod times;

use serde::Serialize;

pub use row::{Agreement, Row, Side};

#[derive(Debug, Serialize)]
pub struct Reproduction {
    /// Whether something was searched in both runs, and nothing differs.
    pub reproduced: bool,
    pub rows: Vec<Row>,
}

impl Reproduction {
    pub fn of(packed: Side, new: Side) -> Reproduction {
        let answers = answers::rows(packed, new);
        let searched = answers.iter().any(|row| row.outcome == Agreement::Equal);
        let mut rows = identity::rows(packed, new);
        rows.extend(answers);
        rows.extend(checks::rows(packed, new));
        rows.extend(counts::rows(packed, new));
        rows.extend(times::rows(packed, new));
        Reproduction {
            reproduced: searched && rows.iter().all(|row| row.outcome != Agreement::Differs),
            rows,
        }
    }

    /// The exit status: 0 reproduced, 1 something differs, 2 nothing could be compared.
    pub fn exit_code(&self) -> u8 {
        if self
            .rows
            .iter()
            .any(|row| row.outcome == Agreement::Differs)
        {
            1
        } else if self.reproduced {
            0
        } else {
            2
        }
    }
}
