// SPDX-License-Identifier: MIT OR Apache-2.0
//! A case: what is tried, and what must come of it.

use anyhow::Result;

use crate::guest::steps::stage::{Lower, Stage};

pub struct Trial {
    pub name: &'static str,
    /// What the store of the case lies on.
    pub lower: Lower,
    pub work: fn(&Stage) -> Result<String>,
    pub expected: &'static str,
}
