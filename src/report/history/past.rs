// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that a history shows.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::found::{Found, Unread};
use super::page;
use super::told::Told;
use super::trend::Trend;

pub struct History(Found);

impl History {
    /// Reads every run below a directory. Refuses one without any.
    pub fn read(dir: &Path) -> Result<History> {
        let shown = dir.display();
        let found = Found::below(dir).with_context(|| format!("cannot list {shown}"))?;
        ensure!(
            !found.runs.is_empty(),
            "{shown} has no run that can be read: `vexfs-validate run` leaves its runs in out/runs"
        );
        Ok(History(found))
    }

    /// The directories that gave no run.
    pub fn unread(&self) -> &[Unread] {
        &self.0.unread
    }

    pub fn page(&self) -> String {
        page::render(&self.0, &Trend::of(&self.0.runs))
    }

    /// The content of the page for machines.
    pub fn told(&self) -> Told<'_> {
        Told::of(&self.0, &Trend::of(&self.0.runs))
    }
}
