// SPDX-License-Identifier: MIT OR Apache-2.0
//! Carries out one validation: gathers evidence, applies the criteria, writes everything down.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::bundle::Bundle;
use crate::bundle::guest_modules::Role;
use crate::bundle::initramfs::Archive;
use crate::dataset::source::Source;
use crate::machine::accelerator::{self, Requested};
use crate::machine::kernel_log::scan_as_of;
use crate::machine::session::{Deadlines, Ending, follow};
use crate::machine::vehicle::Vehicle;
use crate::machine::{Machine, MachineConfig, MachineError, input};
use crate::protocol::run_files::{CONSOLE, CRITERIA, SECOND_BOOT};
use crate::protocol::{Accelerator, Message, PeersPlan, Plan, Step};
use crate::system::clock::today;
use crate::system::cpu;
use crate::verdict::fate::Fate;

use crate::bundle::peers_disk::{self, Disk};
use crate::criteria::Criteria;
use crate::criteria::own_data::OwnData;
use crate::criteria::subject;
use crate::host::fuse;
use crate::host::indexes;
use crate::host::peers;
use crate::machine::memory;
use crate::protocol::run_files::KVM_PROBE;
use crate::verdict::Verdict;
use crate::verdict::evidence::{Evidence, GuestPeers, MachineRecord, Repetition};
use crate::verdict::guest_report::GuestReport;
use crate::verdict::judgement::Judgement;
use crate::verdict::record;
use crate::verdict::repetition;

/// Why something of a full run was left out.
const NOT_ASKED_FOR: &str = "no check of the criteria asks for it";

/// What a run is asked for.
pub struct RunRequest {
    pub criteria: Criteria,
    /// The user's own vectors, from which the criteria then are derived.
    pub own: Option<OwnData>,
    pub bundle: PathBuf,
    pub accelerator: Requested,
    /// Boot once only, even where a second boot would show that the first can be repeated.
    pub once: bool,
    /// How long a guest may say nothing before it is taken for dead.
    pub patience: Duration,
    /// The `vexfs` tool, which serves FUSE on the host.
    pub tool: PathBuf,
    /// The Python that has the engines that we are compared with.
    pub peers: Option<PathBuf>,
    /// The disk from which the guest has these engines.
    pub peers_disk: peers_disk::DiskSource,
    /// The directory in which everything is written down.
    pub out: PathBuf,
}

/// Writes down the criteria, runs, judges, and writes `verdict.json`, `results.json` and the rest to the run's
/// directory.
///
/// `tell` is told, line by line, what is going on.
pub fn run(request: RunRequest, tell: &(dyn Fn(&str) + Sync)) -> Result<(Verdict, Evidence)> {
    fs::create_dir_all(&request.out)
        .with_context(|| format!("cannot create {}", request.out.display()))?;
    write_file(&request.out, CRITERIA, &request.criteria.text)?;
    let bundle = Bundle::open(&request.bundle).map_err(|error| error.to_string());
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
    let mut evidence = Evidence {
        date: today(),
        criteria: request.criteria.clone(),
        manifest_text: bundle
            .as_ref()
            .ok()
            .map(|bundle| bundle.manifest_text().to_owned()),
        own: own.map(|own| own.origin.clone()),
        manifest: bundle
            .as_ref()
            .map(|bundle| bundle.manifest().clone())
            .map_err(Clone::clone),
        cpu: cpu::model().ok(),
        host,
        indexes,
        comparison,
        machine: None,
        guest_peers: GuestPeers::Failed {
            reason: "no virtual machine was started".into(),
        },
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
        let booted = match subject::steps(&request.criteria) {
            Some(steps) => boot(&request, bundle, workload, steps, &mut evidence, tell),
            None => Err(anyhow!(NOT_ASKED_FOR)),
        };
        if let Err(error) = booted {
            evidence.fate = Fate::NotStarted {
                not_started: format!("{error:#}"),
            };
        }
    }
    let verdict = write(&request.out, &evidence)?;
    Ok((verdict, evidence))
}

/// Fills in the evidence that only a virtual machine can give.
fn boot(
    request: &RunRequest,
    bundle: &Bundle,
    workload: Source,
    mut steps: Vec<Step>,
    evidence: &mut Evidence,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    let choice = accelerator::choose(request.accelerator, bundle, &request.out.join(KVM_PROBE))?;
    tell(&format!(
        "machine: {} ({})",
        choice.vehicle.accelerator(),
        choice.reason
    ));
    let accelerator = choice.vehicle.accelerator();
    let (peers, disk) = match peers_in_guest(request, bundle, accelerator, &steps, tell) {
        Ok((peers, disk)) => (Some(peers), Some(disk)),
        Err(why) => {
            evidence.guest_peers = why;
            (None, None)
        }
    };
    if let Some(Disk { blake3, .. }) = &disk {
        evidence.guest_peers = GuestPeers::Planned {
            disk_blake3: blake3.clone(),
        };
    } else {
        steps.retain(|step| *step != Step::Peers);
    }
    let plan = Plan {
        peers,
        ..request.criteria.plan(Some(accelerator), workload, steps)
    };
    evidence.machine = Some(MachineRecord {
        accelerator: Some(accelerator),
        reason: choice.reason,
        qemu: choice.vehicle.qemu_version().map(str::to_owned),
    });
    let input = input(&plan, request.own.as_ref().map(|own| &own.vectors));
    let memory_mib = memory::guest_mib(&plan.workload, disk.is_some());
    evidence.plan = Some(plan);

    let boot = Boot {
        vehicle: &choice.vehicle,
        bundle,
        memory_mib,
        input: &input,
        disk: disk.map(|disk| disk.path),
        patience: request.patience,
    };
    let first_logs = &request.out;
    let second_logs = request.out.join(SECOND_BOOT);
    let twice = accelerator == Accelerator::Icount && !request.once;
    let (first, second) = thread::scope(|scope| {
        let second = twice.then(|| scope.spawn(|| boot.follow(&second_logs, |_| ())));
        let first = boot.follow(first_logs, |message| {
            if let Some(line) = progress(message) {
                tell(&line);
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
    let console = first_logs.join(CONSOLE);
    evidence.kernel_log = fs::read(&console)
        .map_err(|error| format!("cannot read {}: {error}", console.display()))
        .and_then(|log| scan_as_of(&log, evidence.date));
    evidence.repetition = match second {
        None if twice => unreachable!("a second boot was started"),
        None if request.once => Repetition::None("one boot was asked for".into()),
        None => Repetition::None(format!(
            "under {accelerator} no two boots take the same time"
        )),
        Some(Ok((_, Ending::Completed))) => repetition::compare(first_logs, &second_logs),
        Some(Ok((_, ending))) => Repetition::Failed(ending.to_string()),
        Some(Err(error)) => Repetition::Failed(error.to_string()),
    };
    Ok(())
}

/// What the guest is to compare, and from which disk; or why it is not to.
fn peers_in_guest(
    request: &RunRequest,
    bundle: &Bundle,
    accelerator: Accelerator,
    steps: &[Step],
    tell: &(dyn Fn(&str) + Sync),
) -> Result<(PeersPlan, Disk), GuestPeers> {
    let skipped = |reason: &str| GuestPeers::Skipped {
        reason: reason.into(),
    };
    let failed = |reason: String| GuestPeers::Failed { reason };
    if !steps.contains(&Step::Peers) {
        return Err(skipped(NOT_ASKED_FOR));
    }
    if accelerator == Accelerator::Icount {
        return Err(skipped(
            "instructions are no time that peers could be compared by: it takes kvm",
        ));
    }
    let comparison = &request.criteria.comparison;
    let comparison = comparison
        .clone()
        .ok_or_else(|| failed("the criteria have no comparison".into()))?;
    let Some(python) = &request.peers else {
        return Err(skipped(
            "no Python that has the peers was given (--peers PYTHON)",
        ));
    };
    if !bundle.manifest().guest.roles.contains(&Role::Peers) {
        return Err(failed(
            "the bundle's guest cannot read a disk with the peers: build the bundle with --role peers".into(),
        ));
    }
    let disk = request.peers_disk.disk(python, tell);
    let disk = disk.map_err(|error| failed(format!("{error:#}")))?;
    let plan = PeersPlan {
        comparison,
        python: python.clone(),
    };
    Ok((plan, disk))
}

/// What is needed to boot once, or once more.
struct Boot<'a> {
    vehicle: &'a Vehicle,
    bundle: &'a Bundle,
    memory_mib: u32,
    input: &'a Archive,
    disk: Option<PathBuf>,
    patience: Duration,
}

impl Boot<'_> {
    fn follow(
        &self,
        logs: &Path,
        on_message: impl Fn(&Message),
    ) -> Result<(GuestReport, Ending), MachineError> {
        let config = MachineConfig {
            memory_mib: self.memory_mib,
            kernel_arguments: Vec::new(),
            logs: logs.to_owned(),
            disk: self.disk.clone(),
        };
        let deadlines = Deadlines {
            boot: self.patience,
            message: self.patience,
            end: Duration::from_secs(20),
        };
        let mut machine = Machine::boot(self.vehicle, self.bundle, &config, self.input)?;
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

fn write(out: &Path, evidence: &Evidence) -> Result<Verdict> {
    let judgement = Judgement::of(evidence)?;
    for (name, text) in record::files(evidence, &judgement)? {
        write_file(out, name, &text)?;
    }
    Ok(judgement.verdict)
}

fn write_file(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
