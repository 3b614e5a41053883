// SPDX-License-Identifier: MIT OR Apache-2.0
//! One validation: evidence gathered, criteria applied, everything written down.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde::Serialize;

use crate::bundle::Bundle;
use crate::bundle::initramfs::Archive;
use crate::dataset::source::Source;
use crate::dataset::workload::{Name, Workload};
use crate::guest::protocol::{self, Accelerator, Message, Plan, Step};
use crate::machine::accelerator::{self, Requested};
use crate::machine::kernel_log::Scan;
use crate::machine::qemu::Qemu;
use crate::machine::session::{Deadlines, Ending, follow};
use crate::machine::{Machine, MachineConfig, MachineError, input};

use super::builder::{self, HostIndex};
use super::checks;
use super::criteria::Criteria;
use super::evidence::{Evidence, MachineRecord, Repetition};
use super::guest_report::GuestReport;
use super::host::{self, HostRun};
use super::judgement::{self, Judgement, to_json};
use super::own_data::OwnData;
use super::room;
use super::verdict::{Fate, Verdict};

/// A second boot of the same plan has its logs here, below the run's directory.
const SECOND_BOOT: &str = "second-boot";

/// And the boot that tells whether KVM works, here.
const PROBE: &str = "kvm-probe";

/// Why something of a full run was left out.
const NOT_ASKED_FOR: &str = "no check of the criteria asks for it";

/// What a run is asked for.
pub struct Request {
    pub criteria: Criteria,
    /// The user's own vectors, from which these criteria then are derived.
    pub own: Option<OwnData>,
    pub bundle: PathBuf,
    pub accelerator: Requested,
    /// Boot once only, even where a second boot would show that the first can be repeated.
    pub once: bool,
    /// Seconds without a word after which a guest is taken for dead.
    pub patience: Duration,
    /// The `vexfs` tool, which serves FUSE on the host.
    pub tool: PathBuf,
    /// Where everything is written down.
    pub out: PathBuf,
}

/// Writes down the criteria, runs, judges, and writes `verdict.json`, `results.json` and the rest to the run's directory.
///
/// `report` is told, line by line, what is going on.
pub fn run(request: Request, report: &(dyn Fn(&str) + Sync)) -> Result<(Verdict, Evidence)> {
    fs::create_dir_all(&request.out)
        .with_context(|| format!("cannot create {}", request.out.display()))?;
    write_file(&request.out, "criteria.json", &request.criteria.text)?;
    let bundle = Bundle::open(&request.bundle).map_err(|error| error.to_string());
    let own = request.own.as_ref();
    let workload = match own {
        Some(own) => Source::Given(own.given.clone()),
        None => workload(&request.criteria)?,
    };

    let host = if checks::look_at_host(&request.criteria) {
        report("host: file operations and searches through FUSE");
        let asked = host::Request {
            tool: request.tool.clone(),
            criteria: request.criteria.workload.clone(),
        };
        let vectors = workload.vectors(|| Ok(own.map(|own| own.vectors.clone())))?;
        host::observe(&asked, &vectors)
    } else {
        Err(NOT_ASKED_FOR.to_owned())
    };
    let indexes = if checks::look_at_builder(&request.criteria) {
        let given = own.map(|own| &own.vectors);
        builder::build_all(&request.criteria, given, report).map_err(|error| format!("{error:#}"))
    } else {
        Err(NOT_ASKED_FOR.to_owned())
    };
    let mut evidence = Evidence {
        criteria: request.criteria.clone(),
        own: own.map(|own| own.origin.clone()),
        manifest: bundle
            .as_ref()
            .map(|bundle| bundle.manifest().clone())
            .map_err(Clone::clone),
        host,
        indexes,
        machine: None,
        plan: None,
        guest: GuestReport::default(),
        fate: Fate::NotStarted {
            not_started: match &bundle {
                Ok(_) => NOT_ASKED_FOR.into(),
                Err(reason) => format!("the bundle is not intact: {reason}"),
            },
        },
        kernel_log: Err("no virtual machine was started".into()),
        repetition: Repetition::None("no virtual machine was started".into()),
    };
    if let Ok(bundle) = &bundle {
        let booted = match checks::steps(&request.criteria) {
            Some(steps) => boot(&request, bundle, workload, steps, &mut evidence, report),
            None => Err(anyhow!(NOT_ASKED_FOR)),
        };
        if let Err(error) = booted {
            evidence.fate = Fate::NotStarted {
                not_started: format!("{error:#}"),
            };
        }
    }
    let bundle_id = bundle.ok().map(|bundle| bundle.id().to_owned());
    let verdict = write(&request, &evidence, bundle_id)?;
    Ok((verdict, evidence))
}

/// The workload that the criteria name.
pub fn workload(criteria: &Criteria) -> Result<Source> {
    let name: Name = serde_json::from_value(criteria.workload.name.clone().into())
        .with_context(|| {
            let name = &criteria.workload.name;
            format!("there is no workload {name}; if these are vectors of your own, name their file by --dataset")
        })?;
    Ok(Source::Generated(Workload::new(name)))
}

/// Fills in what only a virtual machine can show.
fn boot(
    request: &Request,
    bundle: &Bundle,
    workload: Source,
    steps: Vec<Step>,
    evidence: &mut Evidence,
    report: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    let qemu = Qemu::find()?;
    let choice = accelerator::choose(request.accelerator, &qemu, bundle, &request.out.join(PROBE))?;
    report(&format!(
        "machine: {} ({})",
        choice.accelerator, choice.reason
    ));
    let accelerator = choice.accelerator;
    let plan = plan(&request.criteria, Some(accelerator), workload, steps);
    evidence.machine = Some(MachineRecord {
        accelerator: Some(accelerator),
        reason: choice.reason,
        qemu: Some(qemu.version().to_owned()),
    });
    let input = input(&plan, request.own.as_ref().map(|own| &own.vectors));
    let memory_mib = room::guest_mib(&plan.workload);
    evidence.plan = Some(plan);

    let boot = Boot {
        qemu: &qemu,
        bundle,
        accelerator,
        memory_mib,
        input: &input,
        patience: request.patience,
    };
    let first_logs = &request.out;
    let second_logs = request.out.join(SECOND_BOOT);
    let twice = accelerator == Accelerator::Icount && !request.once;
    let (first, second) = thread::scope(|scope| {
        let second = twice.then(|| scope.spawn(|| boot.follow(&second_logs, |_| ())));
        let first = boot.follow(first_logs, |message| {
            if let Some(line) = progress(message) {
                report(&line);
            }
        });
        (
            first,
            second.map(|thread| {
                thread
                    .join()
                    .expect("the thread of the second boot panicked")
            }),
        )
    });

    let (guest, ending) = first?;
    evidence.guest = guest;
    evidence.fate = Fate::Booted(ending);
    evidence.kernel_log = scan(first_logs);
    evidence.repetition = match second {
        None if twice => unreachable!("a second boot was started"),
        None if request.once => Repetition::None("one boot was asked for".into()),
        None => Repetition::None(format!(
            "under {accelerator} no two boots take the same time"
        )),
        Some(Ok((_, Ending::Completed))) => compare(first_logs, &second_logs),
        Some(Ok((_, ending))) => Repetition::Failed(ending.to_string()),
        Some(Err(error)) => Repetition::Failed(error.to_string()),
    };
    Ok(())
}

/// What the criteria ask for, where `accelerator` is known or not.
pub fn plan(
    criteria: &Criteria,
    accelerator: Option<Accelerator>,
    workload: Source,
    steps: Vec<Step>,
) -> Plan {
    let asked = &criteria.workload;
    // Where the clock counts instructions, a second run shows that the first was exact; more would show nothing.
    let (warmups, runs) = match accelerator {
        Some(Accelerator::Icount) => (asked.icount_warmups, asked.icount_runs),
        Some(Accelerator::Kvm | Accelerator::Tcg) | None => (asked.warmups, asked.runs),
    };
    Plan {
        protocol: protocol::VERSION,
        run_id: "validate".into(),
        accelerator,
        workload,
        metric: asked.metric,
        k: asked.k,
        warmups,
        runs,
        cycles: asked.cycles,
        indexes: criteria
            .indexes
            .iter()
            .map(|case| case.plan(accelerator))
            .collect(),
        steps,
    }
}

/// What is needed to boot once, or once more.
struct Boot<'a> {
    qemu: &'a Qemu,
    bundle: &'a Bundle,
    accelerator: Accelerator,
    memory_mib: u32,
    input: &'a Archive,
    patience: Duration,
}

impl Boot<'_> {
    fn follow(
        &self,
        logs: &Path,
        on_message: impl Fn(&Message),
    ) -> Result<(GuestReport, Ending), MachineError> {
        let config = MachineConfig {
            accelerator: self.accelerator,
            memory_mib: self.memory_mib,
            kernel_arguments: Vec::new(),
            logs: logs.to_owned(),
        };
        let deadlines = Deadlines {
            boot: self.patience,
            message: self.patience,
            end: Duration::from_secs(20),
        };
        let mut machine = Machine::boot(self.qemu, self.bundle, &config, self.input)?;
        let mut report = GuestReport::default();
        let ending = follow(&mut machine, &deadlines, |message| {
            on_message(&message);
            report.take(message);
        })?;
        Ok((report, ending))
    }
}

/// A message in a person's words, if it has something to say to one.
pub fn progress(message: &Message) -> Option<String> {
    Some(match message {
        Message::Hello { kernel_release, .. } => format!("guest: up, kernel {kernel_release}"),
        Message::StepStarted { step } => format!("guest: {step}"),
        Message::Progress { step, done, of } => format!("guest: {step} {done} of {of}"),
        Message::Working { step, at, done, of } => {
            format!("guest: {step}: {at}, {done} of {of}")
        }
        Message::StepFinished { step, outcome, .. } => match outcome.as_result() {
            Ok(_) => return None,
            Err(failure) => format!("guest: {step} failed: {failure}"),
        },
        Message::GuestError { reason } => format!("guest: broken: {reason}"),
        Message::Done => "guest: done".into(),
    })
}

fn scan(logs: &Path) -> Result<Scan, String> {
    let path = logs.join("console.log");
    let log =
        fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    judgement::scan(&String::from_utf8_lossy(&log))
}

/// Both boots, byte for byte: what the guests said, and what their kernels logged.
fn compare(first: &Path, second: &Path) -> Repetition {
    let mut bytes = 0;
    for name in ["messages.jsonl", "console.log"] {
        let (Ok(a), Ok(b)) = (fs::read(first.join(name)), fs::read(second.join(name))) else {
            return Repetition::Failed(format!("{name} of one of the boots cannot be read"));
        };
        if a != b {
            return Repetition::Different(format!("{name}, {}", first_difference(&a, &b)));
        }
        bytes += a.len();
    }
    Repetition::Equal { bytes }
}

fn first_difference(a: &[u8], b: &[u8]) -> String {
    let at = a
        .iter()
        .zip(b)
        .position(|(a, b)| a != b)
        .unwrap_or(a.len().min(b.len()));
    let line = a[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
    let from = at.saturating_sub(30);
    let excerpt =
        |text: &[u8]| String::from_utf8_lossy(&text[from..text.len().min(at + 30)]).into_owned();
    format!(
        "line {line}, byte {at}: `{}` against `{}`",
        excerpt(a),
        excerpt(b)
    )
}

fn write(request: &Request, evidence: &Evidence, bundle_id: Option<String>) -> Result<Verdict> {
    let judgement = Judgement::of(evidence, bundle_id)?;
    let file = |name: &str, text: &str| write_file(&request.out, name, text);
    file("results.json", &judgement.results)?;
    file("verdict.json", &to_json(&judgement.verdict)?)?;
    let host = Host {
        fuse: NotRun::or(&evidence.host),
        indexes: NotRun::or(&evidence.indexes),
    };
    file("host.json", &to_json(&host)?)?;
    if let Ok(manifest) = &evidence.manifest {
        file("manifest.json", &to_json(manifest)?)?;
    }
    Ok(judgement.verdict)
}

fn write_file(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// What was measured on the host; its times vary.
#[derive(Serialize)]
struct Host<'a> {
    fuse: NotRun<'a, HostRun>,
    indexes: NotRun<'a, Vec<HostIndex>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum NotRun<'a, T> {
    Run(&'a T),
    Not { reason: &'a str },
}

impl<'a, T> NotRun<'a, T> {
    fn or(run: &'a Result<T, String>) -> Self {
        match run {
            Ok(run) => NotRun::Run(run),
            Err(reason) => NotRun::Not { reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown_with_its_line() {
        let said = first_difference(b"one\ntwo\nthree", b"one\ntwo\nthrew");
        assert!(said.starts_with("line 3, byte 12: "), "{said}");
        assert!(first_difference(b"one", b"one more").contains("byte 3"));
    }
}
