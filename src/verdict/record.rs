// SPDX-License-Identifier: MIT OR Apache-2.0
//! The directory that a run leaves: all that its verdict was judged by, written down and read back.
//!
//! Judged again, a record gives its own verdict, to the byte. A record in which two files contradict each other is
//! refused.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::peers::Comparison;
use crate::protocol::cuts::Cuts;

use super::evidence::{Evidence, GuestPeers, MachineRecord, MachineRun, Repetition, Second};
use super::figures;
use super::guest_report::GuestReport;
use super::judgement::{self, Judgement, Reported};
use super::repetition;
use super::twice_told;
use crate::criteria::own_data::Origin;
use crate::criteria::{Criteria, subject};
use crate::host::fuse::HostRun;
use crate::host::indexes::HostIndex;
use crate::machine::kernel_log;
use crate::protocol::run_files::{
    COMPARISON, CONSOLE, CRITERIA, CUTS, DEBUG, FIGURES, HOST, MANIFEST, MESSAGES, RESULTS, RUN,
    SECOND_BOOT, UML, VERDICT, to_json,
};
use crate::verdict::Verdict;
use crate::verdict::fate::Fate;

/// The number of the format, raised whenever a record changes its meaning.
pub const FORMAT: u32 = 4;

/// The last format whose verdict does not tell what the run did not look at. Its runs had no debug kernel.
const FORMAT_WITHOUT_GAPS: u32 = 3;

/// Why a run without a check of power cuts has none.
pub const NO_CUTS: &str = "no check of the criteria asks for it";

/// The evidence that is in no other file (`run.json`).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    format: u32,
    toolkit: String,
    date: Date,
    cpu: Option<String>,
    /// The user's own vectors.
    own: Option<Origin>,
    machine: Booted,
    second_machine: SecondMachine,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    debug_kernel: Option<SecondMachine>,
    second_boot: SecondBoot,
}

/// What a machine's own files do not tell.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Booted {
    machine: Option<MachineRecord>,
    guest_peers: GuestPeers,
    fate: Fate,
    /// Why `manifest.json` does not hold the bundle's manifest.
    bundle_refused: Option<String>,
    /// Why `console.log` was not scanned.
    console_unread: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum SecondMachine {
    Run(Box<Booted>),
    Skipped { reason: String },
    Failed { reason: String },
}

impl SecondMachine {
    fn of(machine: &Second) -> SecondMachine {
        match machine {
            Second::Run(run) => SecondMachine::Run(Box::new(Booted::of(run))),
            Second::Skipped { reason } => SecondMachine::Skipped {
                reason: reason.clone(),
            },
            Second::Failed { reason } => SecondMachine::Failed {
                reason: reason.clone(),
            },
        }
    }

    /// Puts this and the files in `sub` of `dir` together.
    fn machine(self, dir: &Path, sub: &str, date: Date) -> Result<Second> {
        Ok(match self {
            SecondMachine::Run(booted) => {
                let run = booted.run(&dir.join(sub), date);
                Second::Run(Box::new(run.with_context(|| sub.to_owned())?))
            }
            SecondMachine::Skipped { reason } => Second::Skipped { reason },
            SecondMachine::Failed { reason } => Second::Failed { reason },
        })
    }
}

impl Booted {
    fn of(run: &MachineRun) -> Booted {
        Booted {
            machine: run.machine.clone(),
            guest_peers: run.guest_peers.clone(),
            fate: run.fate.clone(),
            bundle_refused: run.manifest.as_ref().err().cloned(),
            console_unread: run.kernel_log.as_ref().err().cloned(),
        }
    }

    /// Puts this and the files in `dir` together.
    fn run(self, dir: &Path, date: Date) -> Result<MachineRun> {
        let reported: Reported = parse(dir, RESULTS)?;
        let manifest_text = match dir.join(MANIFEST).exists() {
            true => Some(text(dir, MANIFEST)?),
            false => None,
        };
        let manifest = match (self.bundle_refused, &manifest_text) {
            (Some(reason), _) => Err(reason),
            (None, Some(text)) => Ok(serde_json::from_str(text)
                .with_context(|| format!("{MANIFEST} is not a bundle's manifest"))?),
            (None, None) => bail!("it has no {MANIFEST}"),
        };
        let kernel_log = match self.console_unread {
            Some(reason) => Err(reason),
            None => kernel_log::scan_as_of(&bytes(dir, CONSOLE)?, date),
        };
        Ok(MachineRun {
            manifest_text,
            manifest,
            machine: self.machine,
            guest_peers: self.guest_peers,
            plan: reported.plan,
            guest: reported.guest.ended(&self.fate),
            fate: self.fate,
            kernel_log,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum SecondBoot {
    Completed,
    Failed { reason: String },
    CouldNotRun { reason: String },
    None { reason: String },
}

/// What was measured on the host (`host.json`); its times vary.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Host<F, I> {
    fuse: Observed<F>,
    indexes: Observed<I>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Observed<T> {
    Run(T),
    Not { reason: String },
}

impl<T> Observed<T> {
    fn of(run: &Result<T, String>) -> Observed<&T> {
        match run {
            Ok(run) => Observed::Run(run),
            Err(reason) => Observed::Not {
                reason: reason.clone(),
            },
        }
    }

    fn result(self) -> Result<T, String> {
        match self {
            Observed::Run(run) => Ok(run),
            Observed::Not { reason } => Err(reason),
        }
    }
}

/// The files of a record, without those that the machine itself wrote; the verdict is the last.
pub fn files(evidence: &Evidence, judgement: &Judgement) -> Result<Vec<(String, String)>> {
    files_as(FORMAT, evidence, judgement)
}

fn files_as(
    format: u32,
    evidence: &Evidence,
    judgement: &Judgement,
) -> Result<Vec<(String, String)>> {
    let run = Run {
        format,
        toolkit: env!("CARGO_PKG_VERSION").into(),
        date: evidence.date,
        cpu: evidence.cpu.clone(),
        own: evidence.own.clone(),
        machine: Booted::of(&evidence.first),
        second_machine: SecondMachine::of(&evidence.second),
        debug_kernel: (format > FORMAT_WITHOUT_GAPS).then(|| SecondMachine::of(&evidence.debug)),
        second_boot: match &evidence.repetition {
            Repetition::Equal { .. } | Repetition::Different(_) => SecondBoot::Completed,
            Repetition::Failed(reason) => SecondBoot::Failed {
                reason: reason.clone(),
            },
            Repetition::CouldNotRun(reason) => SecondBoot::CouldNotRun {
                reason: reason.clone(),
            },
            Repetition::None(reason) => SecondBoot::None {
                reason: reason.clone(),
            },
        },
    };
    let host: Host<&HostRun, &Vec<HostIndex>> = Host {
        fuse: Observed::of(&evidence.host),
        indexes: Observed::of(&evidence.indexes),
    };
    // Some 300,000 figures: on one line each they would be twice the size.
    let comparison = serde_json::to_string(&Observed::of(&evidence.comparison))?;
    let mut files = vec![
        (COMPARISON, comparison),
        (RESULTS, judgement.results.clone()),
        (CRITERIA, evidence.criteria.text.clone()),
        (RUN, to_json(&run)?),
        (HOST, to_json(&host)?),
        (FIGURES, to_json(&figures::of(evidence))?),
    ];
    if subject::look_at_cuts(&evidence.criteria) {
        files.push((CUTS, to_json(&Observed::of(&evidence.cuts))?));
    }
    if let Some(text) = &evidence.manifest_text {
        files.push((MANIFEST, text.clone()));
    }
    let mut files: Vec<(String, String)> = files
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text))
        .collect();
    for (sub, machine) in beside(evidence) {
        if let Second::Run(run) = machine {
            let mut add = |name, text| files.push((format!("{sub}/{name}"), text));
            add(RESULTS, judgement::results(run)?);
            if let Some(text) = &run.manifest_text {
                add(MANIFEST, text.clone());
            }
        }
    }
    files.push((VERDICT.to_owned(), to_json(&judgement.verdict)?));
    Ok(files)
}

/// The machines beside the first one, each with its directory.
fn beside(evidence: &Evidence) -> [(&'static str, &Second); 2] {
    [(UML, &evidence.second), (DEBUG, &evidence.debug)]
}

/// Reads a run's directory. Nothing is judged: [`verify`] does that.
pub fn read(dir: &Path) -> Result<(Evidence, Verdict)> {
    read_files(dir).with_context(|| format!("{} is no whole record of a run", dir.display()))
}

fn read_files(dir: &Path) -> Result<(Evidence, Verdict)> {
    let (evidence, _) = evidence(dir)?;
    Ok((evidence, parse(dir, VERDICT)?))
}

/// Reads a run's directory and judges it again. Refuses it unless that gives every file that is there, to the byte.
/// Errors do not name the directory, which the caller may have made for the purpose.
pub fn verify(dir: &Path) -> Result<(Evidence, Verdict)> {
    let whole = "it is no whole record of a run";
    let (evidence, format) = evidence(dir).context(whole)?;
    let verdict = parse(dir, VERDICT).context(whole)?;
    contradiction(dir, &evidence, format).context("its record contradicts itself")?;
    Ok((evidence, verdict))
}

fn contradiction(dir: &Path, evidence: &Evidence, format: u32) -> Result<()> {
    // What the guests sent, before what was made of it.
    ensure!(
        messages(dir)?.ended(&evidence.fate) == evidence.guest,
        "{RESULTS} does not hold what {MESSAGES} reports"
    );
    for (sub, machine) in beside(evidence) {
        match machine {
            Second::Run(run) => ensure!(
                messages(&dir.join(sub))?.ended(&run.fate) == run.guest,
                "{sub}/{RESULTS} does not hold what {sub}/{MESSAGES} reports"
            ),
            Second::Skipped { .. } | Second::Failed { .. } => {
                for name in [RESULTS, MANIFEST] {
                    ensure!(
                        !dir.join(sub).join(name).exists(),
                        "{RUN} says that there was no such machine, and {sub}/{name} is there"
                    );
                }
            }
        }
    }
    let booted_once = matches!(evidence.repetition, Repetition::None(_));
    ensure!(
        !(booted_once && dir.join(SECOND_BOOT).exists()),
        "{RUN} says that there was no second boot, and {SECOND_BOOT} is there"
    );
    if let Some(what) = twice_told::contradiction(evidence) {
        bail!(what);
    }
    let mut judgement = Judgement::of(evidence)?;
    if format <= FORMAT_WITHOUT_GAPS {
        judgement.verdict.not_looked_at.clear();
    }
    for (name, expected) in files_as(format, evidence, &judgement)? {
        let found = text(dir, &name)?;
        if found == expected {
            continue;
        }
        let (line, found, expected) = first_difference(&found, &expected);
        bail!(
            "{name}, line {line}: `{found}`, where the evidence, judged again, gives `{expected}`"
        );
    }
    Ok(())
}

fn first_difference<'a>(found: &'a str, expected: &'a str) -> (usize, &'a str, &'a str) {
    let (mut found, mut expected) = (found.lines(), expected.lines());
    let mut line = 0;
    loop {
        line += 1;
        match (found.next(), expected.next()) {
            (None, None) => return (line, "the end", "another end"),
            (a, b) if a != b => {
                let shown = |line: Option<&'a str>| line.map_or("nothing", str::trim);
                return (line, shown(a), shown(b));
            }
            _ => (),
        }
    }
}

/// The evidence, and the format that it is written in.
fn evidence(dir: &Path) -> Result<(Evidence, u32)> {
    let run: Run = parse(dir, RUN)?;
    check_format(run.format, &run.toolkit)?;
    let toolkit = env!("CARGO_PKG_VERSION");
    ensure!(
        run.toolkit == toolkit,
        "it was written by the toolkit {}, this is {toolkit}: use that one",
        run.toolkit
    );
    let criteria = Criteria::parse(&text(dir, CRITERIA)?)
        .with_context(|| format!("{CRITERIA} does not hold valid criteria"))?;
    let host: Host<HostRun, Vec<HostIndex>> = parse(dir, HOST)?;
    let comparison: Observed<Comparison> = parse(dir, COMPARISON)?;
    let cuts = match subject::look_at_cuts(&criteria) {
        true => parse::<Observed<Cuts>>(dir, CUTS)?.result(),
        false => Err(NO_CUTS.to_owned()),
    };
    let first = run.machine.run(dir, run.date)?;
    let second = run.second_machine.machine(dir, UML, run.date)?;
    let debug = match (run.debug_kernel, run.format) {
        (Some(debug), _) => debug.machine(dir, DEBUG, run.date)?,
        (None, ..=FORMAT_WITHOUT_GAPS) => Second::Skipped {
            reason: "a run of this format had none".into(),
        },
        (None, _) => bail!("{RUN} does not tell of the debug kernel"),
    };
    let repetition = match run.second_boot {
        SecondBoot::Completed => repetition::compare(dir, &dir.join(SECOND_BOOT)),
        SecondBoot::Failed { reason } => Repetition::Failed(reason),
        SecondBoot::CouldNotRun { reason } => Repetition::CouldNotRun(reason),
        SecondBoot::None { reason } => Repetition::None(reason),
    };
    let evidence = Evidence {
        date: run.date,
        criteria,
        cpu: run.cpu,
        own: run.own,
        host: host.fuse.result(),
        indexes: host.indexes.result(),
        comparison: comparison.result(),
        first,
        second,
        debug,
        cuts,
        repetition,
    };
    Ok((evidence, run.format))
}

/// Refuses a format in which a record means something else.
pub(super) fn check_format(format: u32, toolkit: &str) -> Result<()> {
    ensure!(
        (FORMAT_WITHOUT_GAPS..=FORMAT).contains(&format),
        "{RUN} has format {format}, this toolkit reads {FORMAT_WITHOUT_GAPS} to {FORMAT}: use the toolkit {toolkit} that wrote it"
    );
    Ok(())
}

/// What came out of the guest; nothing without a boot.
fn messages(dir: &Path) -> Result<GuestReport> {
    if !dir.join(MESSAGES).exists() {
        return Ok(GuestReport::default());
    }
    Ok(GuestReport::of_messages(&bytes(dir, MESSAGES)?))
}

pub(super) fn parse<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<T> {
    serde_json::from_str(&text(dir, name)?)
        .map_err(|error| anyhow!("{name} cannot be understood: {error}"))
}

fn text(dir: &Path, name: &str) -> Result<String> {
    String::from_utf8(bytes(dir, name)?).with_context(|| format!("{name} is not UTF-8"))
}

fn bytes(dir: &Path, name: &str) -> Result<Vec<u8>> {
    fs::read(dir.join(name)).with_context(|| format!("cannot read {name}"))
}
