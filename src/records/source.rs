// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run, wherever it lies: in its directory, in a pack, or in an image that has booted.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::unpack::{self, is_pack, scratch};
use crate::image;
use crate::protocol::run_files::{JUNIT, MARKDOWN, PAGE};
use crate::report;
use crate::verdict::Verdict;
use crate::verdict::evidence::Evidence;
use crate::verdict::record;

/// A run that was judged again and gave its own verdict.
pub struct RunSource {
    /// The run's name in sentences.
    pub shown: String,
    pub form: Form,
    pub evidence: Evidence,
    pub verdict: Verdict,
}

pub enum Form {
    Run(PathBuf),
    Pack { id: String, dir: TempDir },
    Image(TempDir),
}

impl RunSource {
    /// Opens a run and verifies it.
    pub fn open(path: &Path) -> Result<RunSource> {
        let shown = path.display().to_string();
        let kind = fs::metadata(path).with_context(|| format!("cannot open {shown}"))?;
        let opened = if kind.is_dir() {
            of_run(path)
        } else if kind.is_file() && is_pack(path).with_context(|| shown.clone())? {
            of_pack(path).with_context(|| shown.clone())
        } else {
            of_image(path)
        };
        let (form, (evidence, verdict)) = opened?;
        Ok(RunSource {
            shown,
            form,
            evidence,
            verdict,
        })
    }

    /// The directory with the record's files.
    pub fn dir(&self) -> &Path {
        match &self.form {
            Form::Run(dir) => dir,
            Form::Pack { dir, .. } | Form::Image(dir) => dir.path(),
        }
    }
}

type Opened = (Form, (Evidence, Verdict));

/// Verifies a record and, where they are, the reports of it: a page that says something else than the record is worse
/// than none.
fn verify(dir: &Path) -> Result<(Evidence, Verdict)> {
    let (evidence, verdict) = record::verify(dir)?;
    let again = scratch()?;
    report::write(&evidence, &verdict, again.path())?;
    for name in [PAGE, JUNIT, MARKDOWN] {
        let (found, expected) = (dir.join(name), again.path().join(name));
        ensure!(
            !found.exists() || fs::read(found)? == fs::read(expected)?,
            "{name} is not the report of its record: write it again with `vexfs-validate report`"
        );
    }
    Ok((evidence, verdict))
}

fn of_run(dir: &Path) -> Result<Opened> {
    let record = verify(dir).with_context(|| dir.display().to_string())?;
    Ok((Form::Run(dir.to_owned()), record))
}

fn of_pack(path: &Path) -> Result<Opened> {
    let unpacked = unpack::unpack(path)?;
    let (evidence, verdict) = verify(unpacked.dir.path())?;
    unpacked.verify_statement(&evidence, &verdict)?;
    let form = Form::Pack {
        id: unpacked.id,
        dir: unpacked.dir,
    };
    Ok((form, (evidence, verdict)))
}

fn of_image(path: &Path) -> Result<Opened> {
    let dir = scratch()?;
    let report = image::report::read(path, Some(dir.path()))
        .context("neither a run's directory, nor a pack, nor an image")?;
    let shown = path.display();
    match report.run {
        None => bail!("{shown} never ran: boot a virtual machine with it"),
        Some(run) if !run.complete => bail!("{} of {shown} did not come to its end", run.name),
        Some(run) => {
            let record = verify(dir.path()).with_context(|| format!("{} of {shown}", run.name))?;
            Ok((Form::Image(dir), record))
        }
    }
}
