// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carries out one validation: gathers evidence, applies the criteria, writes everything down.

mod cuts;
mod machines;
mod one_machine;
mod progress;
mod request;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::criteria::subject;
use crate::dataset::source::Source;
use crate::host::fuse;
use crate::host::indexes;
use crate::host::peers;
use crate::protocol::run_files::CRITERIA;
use crate::system::clock::today;
use crate::system::cpu;
use crate::verdict::Verdict;
use crate::verdict::evidence::Evidence;
use crate::verdict::judgement::Judgement;
use crate::verdict::record;
pub use progress::progress;
use request::NOT_ASKED_FOR;
pub use request::RunRequest;

/// Writes down the criteria, runs, judges, and writes `verdict.json`, `results.json` and the rest to the run's
/// directory.
///
/// `tell` is told, line by line, what is going on.
pub fn run(request: RunRequest, tell: &(dyn Fn(&str) + Sync)) -> Result<(Verdict, Evidence)> {
    fs::create_dir_all(&request.out)
        .with_context(|| format!("cannot create {}", request.out.display()))?;
    write_file(&request.out, CRITERIA, &request.criteria.text)?;
    let own = request.own.as_ref();
    let workload = match own {
        Some(own) => Source::Given(own.given.clone()),
        None => request.criteria.workload()?,
    };

    let host = if subject::look_at_host(&request.criteria) {
        tell("host: file operations and searches through FUSE");
        let asked = fuse::FuseRequest {
            tool: request.tool.clone(),
            criteria: request.criteria.workload.clone(),
        };
        let vectors = workload.vectors(|| Ok(own.map(|own| own.vectors.clone())))?;
        fuse::observe(&asked, &vectors)
    } else {
        Err(NOT_ASKED_FOR.to_owned())
    };
    let indexes = if subject::look_at_builder(&request.criteria) {
        let given = own.map(|own| &own.vectors);
        indexes::build_all(&request.criteria, given, tell).map_err(|error| format!("{error:#}"))
    } else {
        Err(NOT_ASKED_FOR.to_owned())
    };
    let comparison = match &request.criteria.comparison {
        Some(plan) if subject::look_at_comparison(&request.criteria) => {
            tell("host: beside the peers");
            let asked = peers::PeersRequest {
                tool: request.tool.clone(),
                plan: plan.clone(),
                python: request.peers.clone(),
            };
            peers::observe(&asked, tell)
        }
        Some(_) => Err(NOT_ASKED_FOR.to_owned()),
        None => Err("the criteria have no comparison".to_owned()),
    };
    let machines = machines::run(&request, &workload, tell);
    let cuts = cuts::run(&request, tell);
    let evidence = Evidence {
        date: today(),
        criteria: request.criteria.clone(),
        own: own.map(|own| own.origin.clone()),
        cpu: cpu::model().ok(),
        host,
        indexes,
        comparison,
        first: machines.first,
        second: machines.second,
        debug: machines.debug,
        cuts,
        repetition: machines.repetition,
    };
    let verdict = write(&request.out, &evidence)?;
    Ok((verdict, evidence))
}

fn write(out: &Path, evidence: &Evidence) -> Result<Verdict> {
    let judgement = Judgement::of(evidence)?;
    for (name, text) in record::files(evidence, &judgement)? {
        write_file(out, &name, &text)?;
    }
    Ok(judgement.verdict)
}

fn write_file(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(name);
    let parent = path.parent().unwrap_or(dir);
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
