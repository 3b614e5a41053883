// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cuts the power of a guest that writes, again and again, and boots the next one on the same disk.
//!
//! The machine is User-Mode Linux, and a cut is a signal that kills it. What its kernel had not written to the disk is
//! gone; what it had written stays, as on a disk without a cache of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::request::{NOT_ASKED_FOR, RunRequest};
use crate::bundle::machine_kind::MachineKind;
use crate::bundle::{Bundle, ext4_image};
use crate::criteria::samples::Samples;
use crate::criteria::{CutsCriteria, subject};
use crate::exercise::cut_files::mixed;
use crate::machine::kernel_log::{crash, scan_as_of};
use crate::machine::vehicle::Vehicle;
use crate::machine::{Disk, Event, Machine, MachineConfig, input};
use crate::protocol::cuts::{Boot, CutPlan, Cuts, Stored};
use crate::protocol::results::StepData;
use crate::protocol::run_files::{CONSOLE, CUT_LOGS};
use crate::protocol::{Accelerator, Message, Outcome, Step};
use crate::system::clock::today;

/// The guest's memory. It is small, so that a boot is short.
const MEMORY_MIB: u32 = 256;

/// A writer is cut off within this time after the first thing that it has stored.
const WRITES_FOR: Duration = Duration::from_millis(400);

/// One boot of so many is cut off wherever it is, within this time from its start.
const EARLY_ONE_OF: u64 = 8;
const EARLY_WITHIN: Duration = Duration::from_millis(900);

/// Cuts from one line of progress to the next.
const TOLD_EVERY: u32 = 10;

/// A guest that was not cut says nothing for this long only if it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Cuts as the criteria ask, or says why there are none.
pub fn run(request: &RunRequest, tell: &(dyn Fn(&str) + Sync)) -> Result<Cuts, String> {
    if !subject::look_at_cuts(&request.criteria) {
        return Err(NOT_ASKED_FOR.to_owned());
    }
    let asked = request.criteria.cuts;
    let asked = asked.ok_or("the criteria do not say how often the power is cut")?;
    tell(&format!(
        "cuts: {} cuts of the power during writes",
        asked.cuts
    ));
    series(request, asked, tell).map_err(|error| format!("{error:#}"))
}

fn series(request: &RunRequest, asked: CutsCriteria, tell: &(dyn Fn(&str) + Sync)) -> Result<Cuts> {
    let path = match Bundle::open(&request.bundle) {
        Ok(bundle) if bundle.machine() == MachineKind::Uml => &request.bundle,
        _ => &request.uml_bundle,
    };
    let bundle = Bundle::open(path)?;
    ensure!(asked.each_disk > 0, "a disk is cut off at least once");
    let mut cuts = Cuts {
        planned: asked.cuts,
        seed: asked.seed,
        boots: Vec::new(),
        ended: None,
    };
    let empty = ext4_image::make()?;
    let mut done = 0;
    let mut number = 0;
    while done < asked.cuts {
        let work = tempfile::tempdir().context("no temporary directory can be made")?;
        let image = work.path().join("disk");
        write_with_holes(&image, &empty)
            .with_context(|| format!("cannot write {}", image.display()))?;
        let disk = CutDisk {
            request,
            bundle: &bundle,
            image: &image,
            logs: request.out.join(CUT_LOGS),
            seed: mixed(asked.seed ^ u64::from(number)),
            number,
        };
        let here = asked.each_disk.min(asked.cuts - done);
        let mut stored = Stored::default();
        // After the last cut one more guest looks at what is left.
        for boot in 0..=here {
            let boot = disk.boot(boot, boot < here, &mut stored)?;
            let clean = boot.log.is_empty() && !matches!(boot.found, Some(Outcome::Failed(_)));
            done += u32::from(boot.cut_ms.is_some());
            if boot.cut_ms.is_some() && done % TOLD_EVERY == 0 {
                tell(&format!("cuts: {done} of {}", asked.cuts));
            }
            cuts.boots.push(boot);
            if !clean {
                cuts.ended = Some("a guest failed, and the disk was left".to_owned());
                return Ok(cuts);
            }
        }
        number += 1;
    }
    Ok(cuts)
}

/// A disk, and the guests that are booted on it one after the other.
struct CutDisk<'a> {
    request: &'a RunRequest,
    bundle: &'a Bundle,
    image: &'a Path,
    logs: PathBuf,
    seed: u64,
    number: u32,
}

impl CutDisk<'_> {
    /// Boots a guest that looks at what is left. If it is to be cut off, it writes until it is.
    fn boot(&self, number: u32, cut: bool, stored: &mut Stored) -> Result<Boot> {
        let chance = mixed(self.seed ^ mixed(u64::from(number)));
        let within = |limit: Duration| {
            let share = (chance >> 11) as f64 / (1u64 << 53) as f64;
            limit.mul_f64(share)
        };
        let early = cut && chance.is_multiple_of(EARLY_ONE_OF);
        let mut steps = vec![Step::Survivors];
        if cut {
            steps.push(Step::Writing);
        }
        let criteria = &self.request.criteria;
        let plan = crate::protocol::Plan {
            cut: Some(CutPlan {
                seed: self.seed,
                boot: number,
            }),
            ..criteria.plan(
                Some(Accelerator::Uml),
                Samples::Few,
                criteria.workload()?,
                steps,
            )
        };
        let config = MachineConfig {
            memory_mib: MEMORY_MIB,
            kernel_arguments: Vec::new(),
            logs: self.logs.clone(),
            disk: Some(Disk::Written(self.image.to_owned())),
        };
        let mut boot = Boot {
            disk: self.number,
            boot: number,
            stored: stored.clone(),
            found: None,
            stored_then: 0,
            cut_ms: None,
            log: Vec::new(),
        };
        let mut machine = Machine::boot(&Vehicle::Uml, self.bundle, &config, &input(&plan, None))?;
        let begun = Instant::now();
        let mut power_until = early.then(|| begun + within(EARLY_WITHIN));
        loop {
            let patience = begun + PATIENCE;
            let deadline = power_until.unwrap_or(patience);
            let Some(event) = machine.next(deadline)? else {
                if power_until.is_none() {
                    bail!("a guest said nothing for {} s", PATIENCE.as_secs());
                }
                boot.cut_ms = Some(u64::try_from(begun.elapsed().as_millis())?);
                // What it had told before it died counts.
                while let Some(event) = machine.next(Instant::now())? {
                    match event {
                        Event::Exited(_) => break,
                        event => self.take(event, &mut boot, stored)?,
                    }
                }
                machine.cut()?;
                break;
            };
            match event {
                Event::Exited(status) if cut => {
                    boot.log.push(format!("it ended by itself, with {status}"));
                    break;
                }
                Event::Exited(_) => break,
                event => self.take(event, &mut boot, stored)?,
            }
            if cut && boot.stored_then > 0 && power_until.is_none() {
                power_until = Some(Instant::now() + within(WRITES_FOR));
            }
        }
        if !cut && boot.found.is_none() {
            boot.log.push("it did not tell what it found".to_owned());
        }
        let console = self.logs.join(CONSOLE);
        let log =
            fs::read(&console).with_context(|| format!("cannot read {}", console.display()))?;
        let scan = scan_as_of(&log, today()).map_err(|error| anyhow!(error))?;
        // A guest that was cut off before its kernel said anything has no log.
        if scan.kernel_lines > 0 || boot.cut_ms.is_none() {
            let lines = scan.findings.iter();
            boot.log
                .extend(lines.map(|finding| format!("{} ({})", finding.text, finding.note)));
        }
        Ok(boot)
    }

    fn take(&self, event: Event, boot: &mut Boot, stored: &mut Stored) -> Result<()> {
        match event {
            Event::Console(line) => {
                if crash(&line).is_some() {
                    boot.log.push(line);
                }
            }
            Event::Message(line) => {
                // Half a message is none: the guest was cut off.
                let Ok(message) = serde_json::from_str(&line) else {
                    return Ok(());
                };
                match message {
                    Message::Stored { stored: then } => {
                        stored.add(then);
                        boot.stored_then += 1;
                    }
                    Message::StepFinished {
                        step: Step::Survivors,
                        outcome,
                        ..
                    } => boot.found = Some(survivors(outcome)?),
                    Message::StepFinished {
                        outcome: Outcome::Failed(failure),
                        ..
                    } => boot.log.push(failure.to_string()),
                    Message::GuestError { reason } => boot.log.push(reason),
                    _ => {}
                }
            }
            Event::Vehicle(_) | Event::Exited(_) => {}
        }
        Ok(())
    }
}

fn survivors(outcome: Outcome<Box<StepData>>) -> Result<Outcome<crate::protocol::cuts::Survivors>> {
    Ok(match outcome {
        Outcome::Failed(failure) => Outcome::Failed(failure),
        Outcome::Ok { data } => match *data {
            StepData::Survivors(data) => Outcome::Ok { data },
            _ => bail!("the step survivors reported the data of another step"),
        },
    })
}

/// Writes a file whose pages of zeros are holes.
fn write_with_holes(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt;
    let mut file = fs::File::create(path)?;
    file.set_len(content.len() as u64)?;
    for (at, piece) in (0..).step_by(4096).zip(content.chunks(4096)) {
        if piece.iter().any(|&byte| byte != 0) {
            file.write_all_at(piece, at)?;
        }
    }
    file.flush()
}
