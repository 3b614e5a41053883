// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate run --deep`

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::new_run::NewRunArgs;
use super::output::{print_line, tell};
use crate::bundle::Bundle;
use crate::criteria::Criteria;
use crate::criteria::deep::{Deep, Part};
use crate::machine::accelerator::Requested;
use crate::protocol::run_files::to_json;
use crate::verdict::Word;

/// Where a part says what came of it.
const OUTCOME: &str = "outcome.json";

/// This program's own file, even where it has been replaced since the start.
const PROGRAM: &str = "/proc/self/exe";

/// What came of a part.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    /// What was run: the bundles, what was asked of them, and the toolkit.
    key: String,
    verdict: Word,
    exit_code: u8,
    seconds: u64,
    /// The directory of the run.
    run: PathBuf,
    /// Each check: its id, its status, and what was measured.
    checks: Vec<(String, String, String)>,
}

/// Runs each part that has not passed yet, and returns the exit status: the first part's that did not pass.
pub fn run(deep: &Deep, args: &NewRunArgs, only: Option<&str>, fresh: bool) -> Result<u8> {
    let asked = |part: &&Part| only.is_none_or(|name| part.name == name);
    let parts: Vec<_> = deep.parts.iter().filter(asked).collect();
    ensure!(
        !parts.is_empty(),
        "there is no such part: they are {}",
        Vec::from_iter(deep.parts.iter().map(|part| part.name.as_str())).join(", ")
    );
    let args = &args.with_uml_bundles()?;
    let mut status = 0;
    for (number, part) in (1..).zip(&parts) {
        tell(&format!(
            "part {number} of {}, {}: {}",
            parts.len(),
            part.name,
            part.what
        ));
        let (outcome, again) = carry_out(args, part, deep.of_part(part)?, fresh)?;
        print(part, &outcome, again)?;
        if status == 0 {
            status = outcome.exit_code;
        }
    }
    Ok(status)
}

/// Runs a part, unless it has passed. Returns what came of it, and whether it was run now.
fn carry_out(
    args: &NewRunArgs,
    part: &Part,
    criteria: Criteria,
    fresh: bool,
) -> Result<(Outcome, bool)> {
    let dir = args.deep_directory().join(&part.name);
    let path = dir.join(OUTCOME);
    let key = key(args, &criteria)?;
    let kept = kept(&path).filter(|kept| kept.key == key && kept.verdict == Word::Pass);
    if let Some(kept) = kept.filter(|_| !fresh) {
        return Ok((kept, false));
    }
    let begun = Instant::now();
    let of_part = args.of_part(&part.name);
    let (run, verdict, _) = of_part.carry_out(criteria, None, Requested::Uml, true)?;
    let outcome = Outcome {
        key,
        exit_code: verdict.exit_code(),
        verdict: verdict.verdict,
        seconds: begun.elapsed().as_secs(),
        run,
        checks: verdict
            .checks
            .into_iter()
            .map(|check| (check.id, check.status.word().to_owned(), check.measured))
            .collect(),
    };
    fs::write(&path, to_json(&outcome)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok((outcome, true))
}

/// What came of the part the last time. One that cannot be read is run again.
fn kept(path: &Path) -> Option<Outcome> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// What an outcome depends on: the bundles, the criteria, and this program, which judges.
fn key(args: &NewRunArgs, criteria: &Criteria) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    for bundle in args.uml_bundles() {
        let id = match bundle.exists() {
            true => Bundle::open(bundle)?.id().to_owned(),
            false => "none".to_owned(),
        };
        hasher.update(blake3::hash(id.as_bytes()).as_bytes());
    }
    hasher.update(criteria.blake3.as_bytes());
    File::open(PROGRAM)
        .and_then(|program| hasher.update_reader(program).map(drop))
        .context("cannot read this program itself")?;
    Ok(hasher.finalize().to_string())
}

fn print(part: &Part, outcome: &Outcome, now: bool) -> Result<()> {
    for (id, status, measured) in &outcome.checks {
        print_line(&format!(" {status:14} {id:20} {measured}"))?;
    }
    print_line(&format!(
        "{}: {} ({} s{}; {})",
        part.name,
        outcome.verdict.word(),
        outcome.seconds,
        if now {
            ""
        } else {
            ", with the same bundles and the same program before"
        },
        outcome.run.display()
    ))
}
