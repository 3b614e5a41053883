// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate reproduce`

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use serde::Serialize;

use super::new_run::NewRunArgs;
use super::output::{print_json, print_line};
use crate::criteria::own_criteria;
use crate::criteria::own_data::Origin;
use crate::machine::accelerator::Requested;
use crate::records::reproduce::{Agreement, Reproduction, Side};
use crate::records::source::{Form, RunSource};
use crate::report::terminal::table::table;
use crate::verdict::Verdict;
use crate::verdict::evidence::{Evidence, Repetition};
use crate::verdict::fate::Fate;

/// Verify a pack, run the same again, and compare
///
/// First every file of the pack is checked against its list. The evidence in it is judged again, which must give its
/// verdict. Then a run with the pack's criteria and accelerator is compared with it. Datasets, indexes and answers must
/// be equal to the bit. Under icount, with the same bundle and QEMU, every figure must be equal to the digit. On the
/// same CPU, each ratio of times must lie in the range of the packed runs.
///
/// Exit status: 0 reproduced, 1 something differs, 2 the pack contradicts itself, or nothing could be run or compared.
#[derive(Debug, clap::Args)]
pub struct ReproduceArgs {
    /// What `vexfs-validate pack` has made
    file: PathBuf,
    /// The id that the pack must have
    #[arg(long, value_name = "ID")]
    expect: Option<String>,
    /// Which accelerator [default: that of the pack]
    #[arg(long, value_enum)]
    accel: Option<Requested>,
    /// Compare with this finished run instead: its directory, a pack, or an image that has run
    #[arg(long, value_name = "RUN", conflicts_with_all = ["accel", "patience", "dataset"])]
    against: Option<PathBuf>,
    /// Print the pack's id and every comparison as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    new_run: NewRunArgs,
}

#[derive(Serialize)]
struct Printed<'a> {
    pack: &'a str,
    against: String,
    #[serde(flatten)]
    reproduction: Reproduction,
}

impl ReproduceArgs {
    /// Prints the comparisons and returns the exit status.
    pub fn run(self) -> Result<u8> {
        let shown = self.file.display();
        let pack = RunSource::open(&self.file)?;
        let Form::Pack { id, .. } = &pack.form else {
            bail!("{shown} is no pack: make one with `vexfs-validate pack`");
        };
        if let Some(expected) = &self.expect {
            ensure!(
                expected == id,
                "{shown} is the pack {id}, not {expected}: it is another one, or it was changed"
            );
        }
        let packed = Side {
            evidence: &pack.evidence,
            verdict: &pack.verdict,
        };
        let (against, reproduction) = match &self.against {
            Some(run) => {
                let run = RunSource::open(run)?;
                let new = Side {
                    evidence: &run.evidence,
                    verdict: &run.verdict,
                };
                (run.shown.clone(), Reproduction::of(packed, new))
            }
            None => {
                let (dir, verdict, evidence) = once_more(self.new_run, self.accel, &pack.evidence)?;
                if let fate @ Fate::NotStarted { .. } = &evidence.fate {
                    bail!("nothing to compare with: {fate}");
                }
                let new = Side {
                    evidence: &evidence,
                    verdict: &verdict,
                };
                (dir.display().to_string(), Reproduction::of(packed, new))
            }
        };
        let status = reproduction.exit_code();
        if self.json {
            print_json(&Printed {
                pack: id,
                against,
                reproduction,
            })?;
        } else {
            print_line(&format!(
                "pack {id}, whole and consistent, against {against}"
            ))?;
            print(&reproduction)?;
        }
        Ok(status)
    }
}

/// Repeats the run that was packed, and returns the directory of the new one.
fn once_more(
    new_run: NewRunArgs,
    accelerator: Option<Requested>,
    packed: &Evidence,
) -> Result<(PathBuf, Verdict, Evidence)> {
    let of_pack = || packed.machine.as_ref()?.accelerator;
    let accelerator = accelerator
        .or_else(|| Requested::from_str(of_pack()?.name(), false).ok())
        .context("the pack does not tell its accelerator: name one with --accel")?;
    let once = matches!(packed.repetition, Repetition::None(_));
    let own = new_run.own_data(packed.criteria.workload.k, 2 - u64::from(once))?;
    let criteria = match (&packed.own, &own) {
        (None, None) => packed.criteria.clone(),
        (Some(_), Some(own)) => own_criteria::derive(&packed.criteria, own)?,
        (Some(Origin { record, .. }), None) => bail!(
            "the packed run was on vectors that are not in the pack: give {} (BLAKE3 {}) with --dataset",
            record.file,
            record.file_blake3
        ),
        (None, Some(_)) => bail!("the packed run was on generated vectors: leave --dataset out"),
    };
    new_run.carry_out(criteria, own, accelerator, once)
}

fn print(reproduction: &Reproduction) -> Result<()> {
    let mut rows = table();
    rows.set_header(["", "what", "packed", "new"]);
    for row in &reproduction.rows {
        rows.add_row([
            row.outcome.word(),
            &row.what,
            &shortened(&row.packed),
            &shortened(&row.new),
        ]);
    }
    print_line(&format!("{rows}\n"))?;
    let count = |outcome| {
        let rows = reproduction.rows.iter();
        rows.filter(|row| row.outcome == outcome).count()
    };
    for row in &reproduction.rows {
        if let (Agreement::Differs, Some(why)) = (row.outcome, &row.why) {
            print_line(&format!("differs: {}: {why}", row.what))?;
        }
    }
    let mut reasons: Vec<&String> = reproduction
        .rows
        .iter()
        .filter(|row| row.outcome == Agreement::NotComparable)
        .filter_map(|row| row.why.as_ref())
        .collect();
    reasons.sort();
    reasons.dedup();
    for why in reasons {
        print_line(&format!("not comparable: {why}"))?;
    }
    print_line(&format!(
        "{}  ({} equal, {} within, {} differ, {} not comparable)",
        match reproduction.exit_code() {
            0 => "reproduced",
            1 => "NOT REPRODUCED",
            _ => "nothing could be compared",
        },
        count(Agreement::Equal),
        count(Agreement::Within),
        count(Agreement::Differs),
        count(Agreement::NotComparable),
    ))
}

/// The beginning of a hash, which is enough to tell it from others.
fn shortened(value: &str) -> String {
    let hash = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match value.get(..64) {
        Some(begin) if hash(begin) => format!("{begin:.16}…{}", &value[64..]),
        _ => value.to_owned(),
    }
}
