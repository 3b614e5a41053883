// SPDX-License-Identifier: MIT OR Apache-2.0
//! Power cuts during writes: what a guest writes until it is cut off, and what the next one finds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::anns::index;

/// What the guest of one boot does with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutPlan {
    /// What the rows and the writer's choices are derived from.
    pub seed: u64,
    /// The number of this boot on its disk: each writer chooses differently.
    pub boot: u32,
}

/// What is known to be stored: fsync returned, and the host was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    pub rows: u64,
    /// How many rows each index covers.
    pub indexes: BTreeMap<index::Kind, u64>,
}

impl Stored {
    /// Takes in what was stored later.
    pub fn add(&mut self, later: Stored) {
        self.rows = self.rows.max(later.rows);
        self.indexes.extend(later.indexes);
    }
}

/// What a guest finds on the disk after a cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survivors {
    /// The size of the vector file.
    pub bytes: u64,
    /// The rows from the first on that are the ones that were written.
    pub rows: u64,
    /// The bytes behind these rows: of a row that was cut off, or of nobody's.
    pub tail: u64,
    /// Whether the module shows the bytes that are beneath.
    pub same_beneath: bool,
    /// An exact search through the module.
    pub flat: Search,
    /// Each index, by the name that its kind gives it.
    pub indexes: BTreeMap<index::Kind, SurvivingIndex>,
    /// The exact search after the file was cut to its whole rows through the module, where that was needed.
    pub cut_to_rows: Option<Search>,
}

/// A search through the module, beside what the files beneath allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// Whether rows and index are whole, by the code of this program: then there is one right answer.
    pub answerable: bool,
    /// `right`, `wrong`, or the errno.
    pub said: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurvivingIndex {
    /// The size of the file; none where there is no file.
    pub bytes: Option<u64>,
    /// The rows that it covers, if it is to the byte what a build from these rows gives.
    pub covers: Option<u64>,
    pub search: Search,
}

/// All cuts of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cuts {
    pub planned: u32,
    pub seed: u64,
    pub boots: Vec<Boot>,
    /// Why no more boots were made, if that was not planned.
    pub ended: Option<String>,
}

/// One boot on a disk that an earlier one was cut off from, or on a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    pub disk: u32,
    pub boot: u32,
    /// What was known to be stored before this boot.
    pub stored: Stored,
    /// What it found; none where it was cut off before it could say.
    pub found: Option<Outcome<Survivors>>,
    /// What it stored itself.
    pub stored_then: u32,
    /// The milliseconds from the start of the machine to the cut; none where it was not cut.
    pub cut_ms: Option<u64>,
    /// What the kernel's log has to complain about.
    pub log: Vec<String>,
}
