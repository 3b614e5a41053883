// SPDX-License-Identifier: MIT OR Apache-2.0
//! One thing that was tried.

use serde::{Deserialize, Serialize};

/// One thing that was tried, what should have come of it, and what did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    pub name: String,
    pub expected: String,
    pub observed: String,
}

impl Case {
    pub fn holds(&self) -> bool {
        self.expected == self.observed
    }
}
