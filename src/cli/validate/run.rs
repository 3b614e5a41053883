// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate run`

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};

use crate::machine::accelerator::Requested;
use crate::report;
use crate::validate::criteria::Criteria;
use crate::validate::evidence::Evidence;
use crate::validate::run::{Request, run};
use crate::validate::terminal;
use crate::validate::verdict::Verdict;

/// Boot the bundle, run the workload through both drivers, and give a verdict
///
/// Exit status: 0 pass, 1 fail, 2 could not run or not decide, 10 guest panic, 11 guest oops, 12 guest hung, 13 virtual machine lost.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Which accelerator; kvm never falls back
    #[arg(long, value_enum, default_value_t = Requested::Auto)]
    accel: Requested,
    /// The bundle to boot
    #[arg(long, value_name = "DIR", default_value = "out/bundle")]
    bundle: PathBuf,
    /// What must be shown [default: the criteria of this version]
    #[arg(long, value_name = "FILE")]
    criteria: Option<PathBuf>,
    /// Directory for runs; `latest` in it is the newest
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    /// Boot once only: do not show that icount repeats exactly
    #[arg(long)]
    once: bool,
    /// Seconds without a word after which the guest is taken for hung
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    patience: u64,
    /// Print verdict.json instead of tables; progress still goes to standard error
    #[arg(long)]
    json: bool,
}

impl RunArgs {
    /// Gives back the exit status.
    pub fn run(self) -> Result<u8> {
        let (out, verdict, evidence) = carry_out(Request {
            criteria: Criteria::read(self.criteria.as_deref())?,
            bundle: self.bundle,
            accelerator: self.accel,
            once: self.once,
            patience: Duration::from_secs(self.patience),
            tool: tool()?,
            out: self.out,
        })?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&verdict)?);
        } else {
            print!("{}", terminal::render(&verdict, &evidence));
            println!(
                "written to {}; the whole of it: {}",
                out.display(),
                out.join(report::PAGE).display()
            );
        }
        Ok(verdict.exit_code())
    }
}

/// The `vexfs` tool, which is installed with this one.
pub fn tool() -> Result<PathBuf> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    Ok(program.with_file_name("vexfs"))
}

/// Runs in a new directory below the one that is asked for, to which `latest` then points, and gives it back. The report is in
/// it, too.
pub fn carry_out(mut request: Request) -> Result<(PathBuf, Verdict, Evidence)> {
    let root = request.out;
    let name = format!("{}-{}", timestamp()?, std::process::id());
    let out = root.join("runs").join(&name);
    request.out = out.clone();
    let begun = Instant::now();
    let progress = |line: &str| eprintln!("{:7.1} s  {line}", begun.elapsed().as_secs_f64());
    let (verdict, evidence) = run(request, &progress)?;
    report::write(&out, &evidence, &verdict, &out)?;
    point_latest_to(&root, &name)?;
    Ok((out, verdict, evidence))
}

/// Seconds since 1970: names sort by time, and need no calendar.
fn timestamp() -> Result<u64> {
    Ok(SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .context("the clock stands before 1970")?
        .as_secs())
}

/// Replaces the link in one step, so that `latest` is always there and always whole.
fn point_latest_to(out: &Path, name: &str) -> Result<()> {
    let (link, new) = (out.join("latest"), out.join(format!(".latest-{name}")));
    symlink(Path::new("runs").join(name), &new)
        .and_then(|()| fs::rename(&new, &link))
        .with_context(|| format!("cannot make {} the newest run", link.display()))
}
