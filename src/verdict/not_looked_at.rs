// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a run did not look at, and why: whoever reads a verdict must not have to find the gaps by themselves.
//!
//! Everything is derived from the evidence. What no step of this version tries is named last.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::evidence::{Evidence, GuestPeers, MachineRun, Repetition, Second};
use super::fate::Fate;
use crate::criteria::Criteria;
use crate::criteria::check::{Check, Status};
use crate::criteria::deep::Deep;
use crate::machine::session::Ending;
use crate::peers::OURS;
use crate::protocol::{Accelerator, Step};

/// One thing that a run did not look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotLookedAt {
    pub what: String,
    pub why: String,
}

/// A gap, or none.
type Gap = Option<(String, String)>;

/// What one machine of a run may have looked at, each with its derivation: a new kind of machine takes a line here.
const OF_MACHINES: [fn(&Run) -> Gap; 5] = [hypervisor, releases, processors, vectors, filesystems];

/// The kernels that are pinned (`vm/kernels`).
const PINNED: [&str; 2] = [
    include_str!("../../vm/kernels/6.12.json"),
    include_str!("../../vm/kernels/7.2.json"),
];

/// The extensions of the CPU for which the module has code, as its log names them.
const EXTENSIONS: [&str; 4] = ["AVX-512 VNNI", "AVX-512", "AVX2", "SSE2"];

/// Filesystems that a store may lie on.
const FILESYSTEMS: [&str; 5] = ["tmpfs", "ext4", "xfs", "btrfs", "NFS"];

/// What no step tries, in words.
const OF_NO_STEP: [&str; 3] = [
    "stress-ng and xfstests on the module",
    "power cuts on a disk that loses what its own cache had not written",
    "hardware without a hypervisor and without an emulator",
];

/// Lists the gaps of a run whose checks came out like this.
pub fn of(evidence: &Evidence, checks: &[Check]) -> Vec<NotLookedAt> {
    let run = Run {
        machines: machines(evidence),
    };
    let mut gaps = of_checks(checks);
    gaps.extend(of_criteria(&evidence.criteria));
    gaps.extend(of_deep_runs(&evidence.criteria));
    gaps.extend(of_host(evidence));
    gaps.extend(of_peers(evidence));
    gaps.extend(of_boots(evidence));
    match run.machines.is_empty() {
        true => gaps.push(("anything in a guest".to_owned(), evidence.fate.to_string())),
        false => gaps.extend(OF_MACHINES.iter().filter_map(|gap| gap(&run))),
    }
    gaps.push((
        format!("processors other than {}", std::env::consts::ARCH),
        "the guest's kernel and programs are built for this one".to_owned(),
    ));
    let untried = OF_NO_STEP.iter();
    gaps.extend(untried.map(|what| {
        let why = "no step of this version tries it".to_owned();
        ((*what).to_owned(), why)
    }));
    let named = gaps.into_iter();
    named.map(|(what, why)| NotLookedAt { what, why }).collect()
}

/// The machines of a run.
struct Run<'a> {
    /// The machines that booted.
    machines: Vec<&'a MachineRun>,
}

/// A machine that is not the first one, if it was started.
fn beside(machine: &Second) -> Option<&MachineRun> {
    match machine {
        Second::Run(run) => Some(run),
        Second::Skipped { .. } | Second::Failed { .. } => None,
    }
}

fn machines(evidence: &Evidence) -> Vec<&MachineRun> {
    let all = [
        Some(&evidence.first),
        beside(&evidence.second),
        beside(&evidence.debug),
    ];
    let booted = |run: &&MachineRun| run.guest.hello.is_some();
    all.into_iter().flatten().filter(booted).collect()
}

fn of_checks(checks: &[Check]) -> Vec<(String, String)> {
    let open = |check: &&Check| matches!(check.status, Status::Skipped | Status::CouldNotRun);
    let gap = |check: &Check| (format!("the check {}", check.id), check.measured.clone());
    checks.iter().filter(open).map(gap).collect()
}

/// What the criteria of this version have and those of the run lack.
fn of_criteria(criteria: &Criteria) -> Vec<(String, String)> {
    let Ok(built_in) = Criteria::read(None) else {
        return Vec::new();
    };
    let why = format!(
        "the criteria of this run, BLAKE3 {:.16}…, do not ask for it",
        criteria.blake3
    );
    let mut gaps = Vec::new();
    let mut lack = |what: &str, all: Vec<&str>, asked: BTreeSet<&str>| {
        let lacking: Vec<_> = all.into_iter().filter(|id| !asked.contains(id)).collect();
        if !lacking.is_empty() {
            let what = format!("{} {what}: {}", lacking.len(), lacking.join(", "));
            gaps.push((what, why.clone()));
        }
    };
    lack(
        "checks of this version",
        built_in
            .checks
            .iter()
            .map(|check| check.id.as_str())
            .collect(),
        criteria
            .checks
            .iter()
            .map(|check| check.id.as_str())
            .collect(),
    );
    lack(
        "cases of indexes",
        built_in
            .indexes
            .iter()
            .map(|case| case.name.as_str())
            .collect(),
        criteria
            .indexes
            .iter()
            .map(|case| case.name.as_str())
            .collect(),
    );
    let (asked, all) = (criteria.workload.cycles, built_in.workload.cycles);
    if asked < all {
        let what = format!("{} of {all} cycles of load and unload", all - asked);
        gaps.push((what, why));
    }
    gaps
}

/// What a deep run asks for and these criteria do not.
fn of_deep_runs(criteria: &Criteria) -> Vec<(String, String)> {
    let Ok(deep) = Deep::built_in() else {
        return Vec::new();
    };
    let changes = |criteria: &Criteria| criteria.suites.map_or(0, |suites| suites.fsx_operations);
    let asks = |id: &str| criteria.checks.iter().any(|check| check.id == id);
    let deep = &deep.criteria;
    let (cycles, all) = (criteria.workload.cycles, deep.workload.cycles);
    let mut gaps = Vec::new();
    if !asks("suites.fsx") || changes(criteria) < changes(deep) {
        gaps.push(format!(
            "the POSIX suites in full: {} changes by fsx through the module",
            changes(deep)
        ));
    }
    if !asks("cycles") || cycles < all {
        gaps.push(format!("{all} cycles of load and unload"));
    }
    if !asks("cuts") {
        let cuts = deep.cuts.map_or(0, |cuts| cuts.cuts);
        gaps.push(format!("{cuts} power cuts during writes"));
    }
    let tried = |criteria: &Criteria| criteria.hostile.map_or(0, |plan| plan.ioctls);
    if !asks("kernel.hostile") || tried(criteria) < tried(deep) {
        gaps.push(format!(
            "a hostile user for long: {} ioctls of random words",
            tried(deep)
        ));
    }
    if !asks("debug.suites") {
        gaps.push("the POSIX suites on a debug kernel".to_owned());
    }
    let why = "a deep run does: vexfs-validate run --deep (make validate-deep)";
    gaps.into_iter().map(|gap| (gap, why.to_owned())).collect()
}

fn of_host(evidence: &Evidence) -> Vec<(String, String)> {
    let mut gaps = Vec::new();
    match &evidence.host {
        Err(reason) => gaps.push(("the FUSE driver on this host".to_owned(), reason.clone())),
        Ok(run) => {
            if let Some(reason) = &run.could_not_run {
                gaps.push(("the FUSE driver on this host".to_owned(), reason.clone()));
            }
            if !run.left_out.is_empty() {
                gaps.push((
                    format!("on this host: {}", run.left_out.join(", ")),
                    "a user namespace has one user".to_owned(),
                ));
            }
        }
    }
    if let Err(reason) = &evidence.indexes {
        gaps.push(("indexes built on this host".to_owned(), reason.clone()));
    }
    gaps
}

fn of_peers(evidence: &Evidence) -> Vec<(String, String)> {
    let mut gaps = Vec::new();
    match &evidence.comparison {
        Err(reason) => gaps.push(("the peers on this host".to_owned(), reason.clone())),
        Ok(comparison) => {
            if let Some(reason) = &comparison.no_mount {
                gaps.push(("FUSE beside the peers".to_owned(), reason.clone()));
            }
            for engine in comparison
                .engines
                .iter()
                .filter(|engine| engine.name != OURS)
            {
                let other = engine.not_as_pinned();
                if let Some(reason) = engine.unavailable.clone().or(other) {
                    gaps.push((format!("{} on this host", engine.name), reason));
                }
            }
        }
    }
    match &evidence.with_peers().guest_peers {
        GuestPeers::Planned { .. } => {}
        GuestPeers::Skipped { reason } | GuestPeers::Failed { reason } => {
            gaps.push(("the peers in a guest".to_owned(), reason.clone()));
        }
    }
    gaps
}

/// Boots that were not made, and steps that a guest did not get to.
fn of_boots(evidence: &Evidence) -> Vec<(String, String)> {
    let mut gaps = Vec::new();
    match &evidence.repetition {
        Repetition::Equal { .. } | Repetition::Different(_) => {}
        Repetition::Failed(reason) | Repetition::CouldNotRun(reason) | Repetition::None(reason) => {
            gaps.push((
                "whether a second boot gives the same bytes".to_owned(),
                reason.clone(),
            ))
        }
    }
    match &evidence.second {
        Second::Run(_) => {}
        // A run of User-Mode Linux needs no second one.
        Second::Skipped { .. } if evidence.first.runs_as(Accelerator::Uml) => {}
        Second::Skipped { reason } | Second::Failed { reason } => gaps.push((
            "the module in User-Mode Linux, beside the first machine".to_owned(),
            reason.clone(),
        )),
    }
    match &evidence.debug {
        Second::Run(_) => {}
        Second::Skipped { reason } | Second::Failed { reason } => gaps.push((
            "the module in a debug kernel (KASAN, UBSAN, lockdep, kmemleak, failed allocations)"
                .to_owned(),
            reason.clone(),
        )),
    }
    for run in machines(evidence) {
        let planned = run.plan.iter().flat_map(|plan| &plan.steps);
        let missing = planned.filter(|step| !run.guest.steps.contains_key(step));
        let missing: Vec<_> = missing.map(|step| step.name()).collect();
        if !missing.is_empty() && run.fate != Fate::Booted(Ending::Completed) {
            gaps.push((
                format!("the steps {} in {}", missing.join(", "), named(run)),
                run.fate.to_string(),
            ));
        }
    }
    gaps
}

/// What a machine is called.
fn named(run: &MachineRun) -> String {
    let accelerator = run.machine.as_ref().and_then(|machine| machine.accelerator);
    accelerator.map_or("a machine of its own".to_owned(), |accelerator| {
        format!("the machine {accelerator}")
    })
}

/// The words of all machines, without repetition.
fn of_all(run: &Run, words: impl Fn(&MachineRun) -> Option<String>) -> String {
    let mut all: Vec<String> = Vec::new();
    for words in run.machines.iter().filter_map(|run| words(run)) {
        if !all.contains(&words) {
            all.push(words);
        }
    }
    all.join(", ")
}

/// What a machine logged, as far as its steps report it.
fn log(run: &MachineRun) -> impl Iterator<Item = &String> {
    let after = run.guest.after().ok().map(|after| &after.kernel_log);
    let module = run.guest.module().ok().map(|module| &module.kernel_log);
    after.into_iter().chain(module).flatten()
}

fn hypervisor(run: &Run) -> Gap {
    if run.machines.iter().any(|run| run.runs_as(Accelerator::Kvm)) {
        return None;
    }
    let reasons = of_all(run, |run| {
        let machine = run.machine.as_ref()?;
        Some(format!("{}, since {}", named(run), machine.reason))
    });
    Some((
        "what a call of the module takes under a hypervisor (KVM)".to_owned(),
        format!("there was {reasons}"),
    ))
}

fn releases(run: &Run) -> Gap {
    #[derive(Deserialize)]
    struct Pin {
        release: String,
    }
    let ran = |run: &MachineRun| {
        run.guest
            .hello
            .as_ref()
            .map(|hello| hello.kernel_release.clone())
    };
    let version = |release: &str| -> Vec<String> {
        release
            .split(['.', '-', '+'])
            .take(2)
            .map(str::to_owned)
            .collect()
    };
    let looked_at: Vec<_> = run
        .machines
        .iter()
        .filter_map(|run| Some(version(&ran(run)?)))
        .collect();
    let pins = PINNED
        .iter()
        .filter_map(|pin| serde_json::from_str::<Pin>(pin).ok());
    let others: Vec<_> = pins
        .map(|pin| pin.release)
        .filter(|release| !looked_at.contains(&version(release)))
        .collect();
    let pinned = match others.is_empty() {
        true => String::new(),
        false => format!("{} and ", others.join(", ")),
    };
    Some((
        format!("the kernels {pinned}all that are not pinned"),
        format!("this run booted {}", of_all(run, ran)),
    ))
}

fn processors(run: &Run) -> Gap {
    let cpus = |run: &MachineRun| run.guest.identity().ok().map(|identity| identity.cpus);
    let several = |run: &&MachineRun| cpus(run).is_some_and(|cpus| cpus > 1);
    (!run.machines.iter().any(several)).then(|| {
        let words = |run: &MachineRun| Some(format!("{} in {}", cpus(run)?, named(run)));
        let why = match of_all(run, words) {
            none if none.is_empty() => "no guest said how many it has".to_owned(),
            each => format!("processors: {each}"),
        };
        ("the module on several processors at once".to_owned(), why)
    })
}

fn vectors(run: &Run) -> Gap {
    let used = |extension: &str| {
        let line = format!("distances by {extension}");
        run.machines
            .iter()
            .any(|run| log(run).any(|said| said.ends_with(&line)))
    };
    let (used, not): (Vec<_>, Vec<_>) = EXTENSIONS
        .into_iter()
        .partition(|extension| used(extension));
    (!not.is_empty()).then(|| {
        let why = match used.is_empty() {
            true => "no guest said by which extension the module computed".to_owned(),
            false => format!(
                "the module computed by {}, the best of each guest",
                used.join(" and ")
            ),
        };
        (format!("the module's code for {}", not.join(", ")), why)
    })
}

fn filesystems(run: &Run) -> Gap {
    let steps = run.machines.iter().flat_map(|run| run.guest.steps.keys());
    let used: BTreeSet<_> = steps.flat_map(|step| lower_filesystems(*step)).collect();
    let not: Vec<_> = FILESYSTEMS
        .iter()
        .filter(|name| !used.contains(name))
        .copied()
        .collect();
    (!not.is_empty()).then(|| {
        let used: Vec<_> = used.into_iter().copied().collect();
        let why = match used.is_empty() {
            true => "no step mounted the module".to_owned(),
            false => format!("the steps of this run had {}", used.join(" and ")),
        };
        (format!("the module over {}", not.join(", ")), why)
    })
}

/// What the stores of a step lie on.
fn lower_filesystems(step: Step) -> &'static [&'static str] {
    match step {
        Step::Identity | Step::Module | Step::Watchers | Step::After => &[],
        Step::Survivors | Step::Writing => &["ext4"],
        Step::Stacking | Step::Hostile | Step::Suites | Step::Failing => &["tmpfs", "ext4"],
        _ => &["tmpfs"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criteria::check::Finding;
    use crate::protocol::Outcome;
    use crate::protocol::results::{After, Identity, StepData};
    use crate::verdict::evidence::MachineRecord;
    use crate::verdict::guest_report::{GuestReport, Hello, StepReport};
    use std::fs;
    use std::path::Path;

    fn step(guest: &mut GuestReport, step: Step, data: StepData) {
        let outcome = Outcome::Ok {
            data: Box::new(data),
        };
        let report = StepReport {
            elapsed_ns: 1,
            outcome,
        };
        guest.steps.insert(step, report);
    }

    fn machine(accelerator: Accelerator, release: &str, cpus: u32, log: &[&str]) -> MachineRun {
        let mut guest = GuestReport {
            hello: Some(Hello {
                kernel_release: release.into(),
                toolkit_version: String::new(),
            }),
            ..GuestReport::default()
        };
        let identity = Identity {
            hypervisor: true,
            hypervisor_vendor: None,
            dmi_vendor: None,
            dmi_product: None,
            kernel_release: release.into(),
            kernel_version: String::new(),
            command_line: String::new(),
            cpus,
            cpu_model: String::new(),
            cpu_flags: Vec::new(),
            memory_kib: 0,
            clocksource: String::new(),
            modules: Vec::new(),
            taint: 0,
        };
        step(&mut guest, Step::Identity, StepData::Identity(identity));
        let after = After {
            still_loaded: true,
            gone: true,
            taint: 0,
            mounts: Vec::new(),
            processes: Vec::new(),
            kernel_log: log.iter().map(|line| (*line).to_owned()).collect(),
        };
        step(&mut guest, Step::After, StepData::After(after));
        MachineRun {
            manifest_text: None,
            manifest: Err("none".into()),
            machine: Some(MachineRecord {
                accelerator: Some(accelerator),
                reason: "there is no /dev/kvm".into(),
                qemu: None,
            }),
            guest_peers: GuestPeers::Skipped {
                reason: "no Python".into(),
            },
            plan: None,
            guest,
            fate: Fate::Booted(Ending::Completed),
            kernel_log: Err("none".into()),
        }
    }

    fn evidence(first: MachineRun) -> Evidence {
        Evidence {
            date: "2026-11-28".parse().unwrap(),
            criteria: Criteria::read(None).unwrap(),
            own: None,
            cpu: None,
            host: Err("this host has no /dev/fuse".into()),
            indexes: Ok(Vec::new()),
            comparison: Err("no Python was given".into()),
            first,
            second: Second::Skipped {
                reason: "it was not asked for".into(),
            },
            debug: Second::Skipped {
                reason: "there is no bundle of it".into(),
            },
            cuts: Err("no check of the criteria asks for it".into()),
            repetition: Repetition::None("one boot was asked for".into()),
        }
    }

    fn icount() -> Evidence {
        evidence(machine(
            Accelerator::Icount,
            "6.12.95+deb12-cloud-amd64",
            1,
            &["[ 1.0] vexfs: distances by AVX2"],
        ))
    }

    /// Why there was no look at what is named like this; none if there was one.
    fn why(evidence: &Evidence, what: &str) -> Option<String> {
        let mut all = of(evidence, &[]).into_iter();
        all.find(|gap| gap.what.contains(what)).map(|gap| gap.why)
    }

    #[test]
    fn the_gaps_of_a_run_are_named_with_their_reasons() {
        let run = icount();
        for (what, reason) in [
            ("KVM", "there is no /dev/kvm"),
            ("the kernels 7.2", "this run booted 6.12.95+deb12"),
            ("several processors", "1 in the machine icount"),
            ("KASAN", "there is no bundle of it"),
            ("code for AVX-512 VNNI, AVX-512, SSE2", "computed by AVX2"),
            ("over tmpfs, ext4, xfs, btrfs, NFS", "no step mounted"),
            ("FUSE driver on this host", "no /dev/fuse"),
            ("peers on this host", "no Python was given"),
            ("peers in a guest", "no Python"),
            ("second boot", "one boot was asked for"),
            ("User-Mode Linux", "it was not asked for"),
            ("processors other than x86_64", "built for"),
            ("power cuts during writes", "make validate-deep"),
            ("power cuts on a disk", "no step"),
        ] {
            let why = why(&run, what).unwrap_or_else(|| panic!("nothing on {what}"));
            assert!(why.contains(reason), "{what}: {why}");
        }
        assert_eq!(why(&run, "checks of this version"), None);
    }

    #[test]
    fn what_was_looked_at_is_no_gap() {
        let mut run = icount();
        let log = |extension| format!("[ 1.0] vexfs: distances by {extension}");
        let mut second = machine(Accelerator::Kvm, "7.2.12", 2, &[&log("AVX-512")]);
        let stacking = StepData::Stacking(crate::protocol::results::Stacking { cases: Vec::new() });
        step(&mut second.guest, Step::Stacking, stacking);
        run.second = Second::Run(Box::new(second));
        let best = log("AVX-512 VNNI");
        let debug = machine(Accelerator::Uml, "6.12.95-vexfs-uml-debug", 1, &[&best]);
        run.debug = Second::Run(Box::new(debug));
        run.repetition = Repetition::Equal { bytes: 1 };
        for looked_at in [
            "KVM",
            "7.2",
            "several processors",
            "KASAN",
            "AVX-512",
            "tmpfs",
            "ext4",
            "second boot",
        ] {
            assert_eq!(why(&run, looked_at), None, "{looked_at}");
        }
        assert!(why(&run, "code for SSE2").is_some());
    }

    #[test]
    fn shorter_criteria_and_checks_that_did_not_run_are_gaps() {
        let mut run = icount();
        run.criteria.checks.retain(|check| check.id != "kernel.log");
        run.criteria.workload.cycles = 3;
        assert!(why(&run, "1 checks of this version: kernel.log").is_some());
        assert!(why(&run, "97 of 100 cycles").is_some());

        let check = |status| {
            let found = Finding::skipped("no peers");
            Check {
                id: "peers.measured".into(),
                phase: 1,
                status,
                measured: found.measured,
                criterion: String::new(),
                evidence: String::new(),
            }
        };
        let named = |status| of_checks(&[check(status)]);
        let gap = ("the check peers.measured".to_owned(), "no peers".to_owned());
        assert_eq!(named(Status::Skipped), std::slice::from_ref(&gap));
        assert_eq!(named(Status::CouldNotRun), [gap]);
        assert!(named(Status::Pass).is_empty() && named(Status::Fail).is_empty());
    }

    #[test]
    fn what_a_deep_run_looks_at_is_a_gap_of_other_runs() {
        let mut run = icount();
        let looked_at = [
            ("suites", "the POSIX suites in full"),
            ("cycles", "10000 cycles"),
            ("cuts", "500 power cuts"),
            ("hostile", "a hostile user for long"),
            ("debug", "the POSIX suites on a debug kernel"),
        ];
        for (_, gap) in looked_at {
            let why = why(&run, gap).unwrap();
            assert!(why.contains("make validate-deep"), "{why}");
        }
        let deep = Deep::built_in().unwrap();
        for (name, gap) in looked_at {
            let part = deep.parts.iter().find(|part| part.name == name).unwrap();
            run.criteria = deep.of_part(part).unwrap();
            for (_, other) in looked_at {
                assert_eq!(why(&run, other).is_none(), other == gap, "{name}: {other}");
            }
        }
    }

    #[test]
    fn without_a_boot_nothing_in_a_guest_was_looked_at() {
        let mut run = icount();
        run.guest = GuestReport::default();
        run.fate = Fate::NotStarted {
            not_started: "there is no QEMU".into(),
        };
        let why = why(&run, "anything in a guest").unwrap();
        assert!(why.contains("there is no QEMU"), "{why}");
    }

    #[test]
    fn all_pinned_kernels_are_known_here() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("vm/kernels");
        let mut pins: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        pins.sort();
        let mut known = PINNED.map(str::to_owned);
        known.sort();
        assert!(pins == known, "a file of vm/kernels is not in PINNED");
    }
}
