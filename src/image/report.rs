// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads what came of an image from the file or the disk that it is in.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::data::{Data, REPORT, Run};
use super::disk::Layout;
use super::judge::{judge, unfinished};
use crate::protocol::run_files::VERDICT;
use crate::report::terminal;
use crate::verdict::Verdict;

#[derive(Debug, Serialize)]
pub struct ImageReport {
    /// The bundle that the image boots.
    pub bundle: String,
    /// The newest run; none if the image never ran.
    pub run: Option<RunReport>,
}

#[derive(Debug, Serialize)]
pub struct RunReport {
    pub name: String,
    /// Whether the image itself came to its verdict. Otherwise the run died midway, and this is what its traces are
    /// worth.
    pub complete: bool,
    pub verdict: Verdict,
    #[serde(skip)]
    pub text: String,
}

/// Reads the newest run, and copies its files to the directory `out` if there is one.
pub fn read(image: &Path, out: Option<&Path>) -> Result<ImageReport> {
    let disk = File::open(image).with_context(|| format!("cannot open {}", image.display()))?;
    let layout = Layout::find(&disk, None).with_context(|| {
        format!(
            "{} is not an image of VexFS: it has no partition table with the two partitions of one",
            image.display()
        )
    })?;
    let data = Data::open(layout.data(&disk))
        .and_then(|data| Ok((data.contents()?, data)))
        .with_context(|| format!("{} is not an image of VexFS", image.display()));
    let (contents, data) = data?;
    let run = data.newest()?;
    if let (Some(run), Some(out)) = (run, out) {
        copy(&data, run, out)?;
    }
    let run = match run {
        None => None,
        Some(run) => Some(match data.read(run, VERDICT)? {
            Some(verdict) => RunReport {
                name: run.name(),
                complete: true,
                verdict: serde_json::from_slice(&verdict)
                    .with_context(|| format!("{} of {} is not a verdict", VERDICT, run.name()))?,
                text: String::from_utf8_lossy(&data.read(run, REPORT)?.unwrap_or_default())
                    .into_owned(),
            },
            None => {
                let (judgement, evidence) = judge(&contents, unfinished(&data, run)?)?;
                RunReport {
                    name: run.name(),
                    complete: false,
                    text: terminal::render(&judgement.verdict, &evidence),
                    verdict: judgement.verdict,
                }
            }
        }),
    };
    Ok(ImageReport {
        bundle: contents.bundle_id(),
        run,
    })
}

fn copy(data: &Data, run: Run, out: &Path) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    for name in data.list(run)? {
        let content = data.read(run, &name)?.unwrap_or_default();
        let path = out.join(&name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
