// SPDX-License-Identifier: MIT OR Apache-2.0
//! A case: what is tried, and what must come of it.

use std::fs;
use std::os::unix::fs::chown;
use std::path::PathBuf;

use anyhow::Result;

use super::nobody::NOBODY;
use crate::exercise::hostile::ground::Ground;
use crate::guest::steps::stage::{Lower, Stage};
use crate::protocol::hostile::{HostilePlan, Tried};

pub struct Trial {
    pub name: &'static str,
    pub lower: Lower,
    pub work: fn(&Scene) -> Result<Tried>,
    pub expected: &'static str,
}

/// What a case works on: a mount, in it a directory of nobody's, and sound files to be put there.
pub struct Scene<'a> {
    pub stage: &'a Stage,
    pub plan: HostilePlan,
    /// Which of all cases it is: so each has choices of its own.
    pub number: u64,
    pub ground: Ground,
    /// Nobody's directory through the mount, and beneath.
    pub root: PathBuf,
    pub lower: PathBuf,
}

impl Scene<'_> {
    pub fn new(stage: &Stage, plan: HostilePlan, number: u64) -> Result<Scene<'_>> {
        let lower = stage.lower().join("nobody");
        fs::create_dir(&lower)?;
        chown(&lower, Some(NOBODY), Some(NOBODY))?;
        Ok(Scene {
            stage,
            plan,
            number,
            ground: Ground::new()?,
            root: stage.root().join("nobody"),
            lower,
        })
    }
}

/// What a case tried that did nothing but this.
pub fn observed(observed: String) -> Tried {
    Tried {
        observed,
        ..Tried::default()
    }
}
