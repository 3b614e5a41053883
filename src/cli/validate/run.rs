// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate run`

use std::path::PathBuf;

use anyhow::Result;

use super::deep;
use super::new_run::NewRunArgs;
use super::output::{print, print_json, print_line};
use crate::criteria::Criteria;
use crate::criteria::deep::Deep;
use crate::criteria::own_criteria;
use crate::machine::accelerator::Requested;
use crate::protocol::run_files::PAGE;
use crate::report::terminal;

/// Boot the bundle, run the workload through both drivers, and give a verdict
///
/// With --dataset it does so on vectors of your own: they are searched exactly and by every kind of index with its
/// defaults, in process, through FUSE and through the module. Under icount 10,000 rows of 128 elements take minutes,
/// larger files longer: see --rows.
///
/// Exit status: 0 pass, 1 fail, 2 could not run or not decide, 10 guest panic, 11 guest oops, 12 guest hung, 13 virtual
/// machine lost.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Which accelerator; kvm never falls back
    #[arg(long, value_enum, default_value_t = Requested::Auto)]
    accel: Requested,
    /// What must be shown; with --deep in the form of src/criteria/deep-criteria.json [default: the criteria of this
    /// version]
    #[arg(long, value_name = "FILE")]
    criteria: Option<PathBuf>,
    /// Run the parts of a deep run instead: the POSIX suites in full, 10,000 cycles, 500 power cuts, and the suites on
    /// a debug kernel. They take most of an hour. A part that has passed with the same bundles and the
    /// same program is not run again
    #[arg(long, conflicts_with_all = ["accel", "once", "json", "dataset", "peers"])]
    deep: bool,
    /// With --deep: run every part, whatever has passed before
    #[arg(long, requires = "deep")]
    fresh: bool,
    /// With --deep: run only the part of this name
    #[arg(long, value_name = "NAME", requires = "deep")]
    part: Option<String>,
    /// Boot once only: do not show that icount repeats exactly
    #[arg(long)]
    once: bool,
    /// Print verdict.json instead of tables; progress still goes to standard error
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    new_run: NewRunArgs,
}

impl RunArgs {
    /// Prints the verdict and returns the exit status.
    pub fn run(self) -> Result<u8> {
        if self.deep {
            let deep = Deep::read(self.criteria.as_deref())?;
            return deep::run(&deep, &self.new_run, self.part.as_deref(), self.fresh);
        }
        let mut criteria = Criteria::read(self.criteria.as_deref())?;
        // Under icount, and only there, the same plan is booted twice.
        let twice = !self.once && matches!(self.accel, Requested::Auto | Requested::Icount);
        let own = self
            .new_run
            .own_data(criteria.workload.k, 1 + u64::from(twice))?;
        if let Some(own) = &own {
            criteria = own_criteria::derive(&criteria, own)?;
        }
        let run = self.new_run;
        let (dir, verdict, evidence) = run.carry_out(criteria, own, self.accel, self.once)?;
        if self.json {
            print_json(&verdict)?;
        } else {
            print(&terminal::render(&verdict, &evidence))?;
            print_line(&format!(
                "written to {}; the whole of it: {}",
                dir.display(),
                dir.join(PAGE).display()
            ))?;
        }
        Ok(verdict.exit_code())
    }
}
