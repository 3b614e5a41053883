// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate bare-metal`

use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use super::output::{print_json, print_line};
use crate::records::bare_metal::{Candidate, Module, look_at, runs};
use crate::records::this_machine::{self, Item};

/// Say whether a module may be tried on bare metal, and what that would take; nothing is loaded
///
/// It may be tried if a full run, by the criteria of this version, passed for this very file and this kernel release.
/// In that run nothing may have failed, been skipped or been left open, except checks of peers. The reasons are
/// printed for every run that does not count.
///
/// Exit status: 0 a run counts, 1 none does or the module is for another kernel, 2 the module or the runs cannot be
/// read.
#[derive(Debug, clap::Args)]
pub struct BareMetalArgs {
    /// The module
    #[arg(value_name = "MODULE.ko")]
    module: PathBuf,
    /// The kernel that it is to run on [default: the one that runs here]
    #[arg(long)]
    release: Option<String>,
    /// Directory of runs to look through
    #[arg(long, value_name = "DIR", default_value = "out/runs")]
    runs: PathBuf,
    /// Look at this pack, too
    #[arg(long = "pack", value_name = "FILE")]
    packs: Vec<PathBuf>,
    /// Print module, runs and checklist as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Printed<'a> {
    module: &'a Module,
    allowed: bool,
    candidates: &'a [Candidate],
    /// The steps that a trial would take; empty where the module may not be tried.
    checklist: Vec<Item>,
    commands: Vec<String>,
}

impl BareMetalArgs {
    /// Prints the answer and returns the exit status.
    pub fn run(self) -> Result<u8> {
        let release = match self.release {
            Some(release) => release,
            None => this_machine::release()?,
        };
        let module = Module::read(&self.module, release)?;
        let all = runs(&self.runs)?.into_iter().chain(self.packs);
        let candidates: Vec<Candidate> = all
            .map(|path| look_at(&path, &module))
            .collect::<Result<_>>()?;
        let allowed = module.unfit().is_none() && candidates.iter().any(Candidate::counts);
        let printed = Printed {
            allowed,
            candidates: &candidates,
            checklist: match allowed {
                true => this_machine::checklist(&module),
                false => Vec::new(),
            },
            commands: match allowed {
                true => this_machine::commands(&module),
                false => Vec::new(),
            },
            module: &module,
        };
        if self.json {
            print_json(&printed)?;
        } else {
            print(&printed)?;
        }
        Ok(u8::from(!allowed))
    }
}

fn print(printed: &Printed) -> Result<()> {
    let module = printed.module;
    print_line(&format!(
        "{}: BLAKE3 {}, kernel {}",
        module.file.display(),
        module.blake3,
        module.release
    ))?;
    if let Some(reason) = module.unfit() {
        print_line(&format!("REFUSED: {reason}"))?;
        return Ok(());
    }
    if !printed.allowed {
        for candidate in printed.candidates {
            print_line(&format!("{} does not count:", candidate.run))?;
            for objection in &candidate.objections {
                print_line(&format!("    {objection}"))?;
            }
        }
        print_line(&format!(
            "REFUSED: {} run(s), none of which is a full pass for this module and kernel: run `vexfs-validate run` with a bundle of it",
            printed.candidates.len()
        ))?;
        return Ok(());
    }
    let passed = printed.candidates.iter().filter(|run| run.counts());
    for candidate in passed {
        print_line(&format!("passed in {}", candidate.run))?;
    }
    print_line("\nNothing is loaded here. What it takes to load it on bare metal:")?;
    for item in &printed.checklist {
        let mark = match item.holds {
            Some(true) => "[x]",
            Some(false) => "[ ]",
            None => "[?]",
        };
        print_line(&format!("  {mark} {}\n        {}", item.needs, item.found))?;
    }
    print_line("\nThen, as root on that machine:")?;
    for command in &printed.commands {
        print_line(&format!("    {command}"))?;
    }
    Ok(())
}
