// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests how the comparison in the guest is judged, where its clock counts time and where it does not.

use vexfs::client::Place;
use vexfs::client::module_clock::Reading;
use vexfs::criteria::check::Status;
use vexfs::peers::{Comparison, Series};
use vexfs::protocol::results::{Call, Calls, StepData};
use vexfs::protocol::{Accelerator, Outcome, Step};
use vexfs::verdict::evidence::Evidence;
use vexfs::verdict::guest_report::StepReport;

use super::fixture;

/// The status of a check under an accelerator, when the guest's comparison was changed in some way. No engine in it is
/// broken.
fn status(accelerator: Accelerator, id: &str, change: impl Fn(&mut Comparison)) -> Status {
    judged(id, measured(accelerator, change))
}

fn judged(id: &str, evidence: Evidence) -> Status {
    let verdict = fixture::judged(evidence).verdict;
    let check = verdict.checks.iter().find(|check| check.id == id);
    check.unwrap().status
}

fn measured(accelerator: Accelerator, change: impl Fn(&mut Comparison)) -> Evidence {
    let mut evidence = fixture::full().evidence;
    evidence.machine.as_mut().unwrap().accelerator = Some(accelerator);
    let comparison = in_guest(&mut evidence);
    comparison
        .engines
        .retain(|engine| !["hnswlib", "usearch"].contains(&engine.name.as_str()));
    for compared in &mut comparison.workloads {
        compared
            .series
            .retain(|series| series.measured.value.is_some());
    }
    change(comparison);
    evidence
}

/// The nanoseconds of a call, in each of four runs.
fn costs(of: &[(Call, f64)]) -> Calls {
    let cost = |&(call, ns)| (call, Outcome::Ok { data: vec![ns; 4] });
    Calls {
        costs: of.iter().map(cost).collect(),
    }
}

/// A run in User-Mode Linux. The module's handler takes `handler` times as long as the search in process, and a whole
/// call `call_ns` more than in process.
fn in_uml(handler: f64, call_ns: u64) -> Evidence {
    let mut evidence = measured(Accelerator::Uml, |comparison| {
        for compared in &mut comparison.workloads {
            let here: Vec<Series> = compared
                .of("vexfs", Some(Place::InProcess))
                .cloned()
                .collect();
            for series in &mut compared.series {
                if series.place != Some(Place::Kernel) {
                    continue;
                }
                let same =
                    |here: &&Series| (here.kind, here.effort) == (series.kind, series.effort);
                let here = here
                    .iter()
                    .find(same)
                    .unwrap()
                    .measured
                    .value
                    .as_ref()
                    .unwrap();
                let samples = series.measured.value.as_mut().unwrap();
                let runs = &here.samples_ns;
                samples.inside = runs.iter().map(|run| reading(run, handler)).collect();
                samples.samples_ns = runs
                    .iter()
                    .map(|run| {
                        run.iter()
                            .map(|ns| (*ns as f64 * handler) as u64 + call_ns)
                            .collect()
                    })
                    .collect();
            }
        }
    });
    let calls = costs(&[(Call::Clock, 1000.0), (Call::IoctlKernel, 1000.0)]);
    let report = StepReport {
        elapsed_ns: 1,
        outcome: Outcome::Ok {
            data: Box::new(StepData::Calls(calls)),
        },
    };
    evidence.guest.steps.insert(Step::Calls, report);
    evidence.host.as_mut().unwrap().calls = costs(&[(Call::Ioctl, 200.0)]);
    evidence
}

/// What the module's clock counts of a run that takes so many times as long.
fn reading(run: &[u64], times: f64) -> Reading {
    let ns = (run.iter().sum::<u64>() as f64 * times) as u64;
    Reading {
        searches: run.len() as u64,
        handler_ns: ns,
        search_ns: ns,
    }
}

fn in_guest(evidence: &mut Evidence) -> &mut Comparison {
    let report = evidence.guest.steps.get_mut(&Step::Peers).unwrap();
    match &mut report.outcome {
        Outcome::Ok { data } => match &mut **data {
            StepData::Peers(peers) => &mut peers.comparison,
            other => panic!("{other:?}"),
        },
        Outcome::Failed(failure) => panic!("{failure}"),
    }
}

fn through_the_module(comparison: &mut Comparison) -> impl Iterator<Item = &mut Series> {
    let all = comparison.workloads.iter_mut();
    all.flat_map(|compared| &mut compared.series)
        .filter(|series| series.place == Some(Place::Kernel))
}

/// A change that makes the module so many times as slow.
fn slower(by: u64) -> impl Fn(&mut Comparison) {
    move |comparison| {
        for series in through_the_module(comparison) {
            let samples = series.measured.value.as_mut().unwrap();
            for ns in samples.samples_ns.iter_mut().flatten() {
                *ns *= by;
            }
        }
    }
}

const RATIOS: [&str; 3] = ["kernel.vs-fuse", "kernel.vs-chromadb", "kernel.vs-qdrant"];

#[test]
fn under_kvm_a_slow_module_fails() {
    let kvm = |id, by| status(Accelerator::Kvm, id, slower(by));
    assert_eq!(kvm("peers.guest.measured", 1), Status::Pass);
    for id in RATIOS {
        assert_eq!(kvm(id, 1), Status::Pass, "{id}");
        assert_eq!(kvm(id, 100), Status::Fail, "{id}");
    }
    assert_eq!(kvm("kernel.vs-fuse", 2), Status::Fail);
}

#[test]
fn where_the_clock_means_nothing_no_ratio_is_judged() {
    for id in RATIOS {
        assert_eq!(
            status(Accelerator::Tcg, id, slower(100)),
            Status::Skipped,
            "{id}"
        );
    }
}

#[test]
fn an_answer_through_the_module_that_differs_fails() {
    let diverge = |comparison: &mut Comparison| {
        for series in through_the_module(comparison) {
            let samples = series.measured.value.as_mut().unwrap();
            samples.divergence = Some("against in process, query 0".into());
        }
    };
    for id in ["peers.guest.measured", "kernel.vs-fuse"] {
        assert_eq!(status(Accelerator::Kvm, id, diverge), Status::Fail, "{id}");
    }
}

#[test]
fn a_place_of_ours_that_was_not_measured_fails() {
    let lose = |comparison: &mut Comparison| {
        for series in through_the_module(comparison) {
            series.measured.value = None;
            series.measured.reason = Some("cannot mount /store/kernel".into());
        }
    };
    for id in ["peers.guest.measured", "kernel.vs-fuse"] {
        assert_eq!(status(Accelerator::Kvm, id, lose), Status::Fail, "{id}");
    }
}

#[test]
fn a_peer_that_vanished_is_no_failure_of_ours() {
    let lose = |comparison: &mut Comparison| {
        let all = comparison.workloads.iter_mut();
        for series in all.flat_map(|compared| &mut compared.series) {
            if series.engine == "qdrant" {
                series.measured.value = None;
                series.measured.reason = Some("the adapter of qdrant ended midway".into());
            }
        }
    };
    for id in ["peers.guest.measured", "kernel.vs-qdrant"] {
        let found = status(Accelerator::Kvm, id, lose);
        assert_eq!(found, Status::CouldNotRun, "{id}");
    }
}

#[test]
fn in_user_mode_linux_what_decides_is_the_estimate_for_the_host() {
    // However dear a call is there, the module is judged by what it takes on the host.
    for call_ns in [0, 200_000] {
        assert_eq!(judged("kernel.vs-fuse", in_uml(1.0, call_ns)), Status::Pass);
    }
    assert_eq!(judged("kernel.vs-fuse", in_uml(3.0, 0)), Status::Fail);
}

#[test]
fn in_user_mode_linux_a_peer_is_beaten_in_all_ways_or_not_at_all() {
    for id in ["kernel.vs-chromadb", "kernel.vs-qdrant"] {
        assert_eq!(judged(id, in_uml(1.0, 2_000)), Status::Pass, "{id}");
        assert_eq!(judged(id, in_uml(100.0, 2_000)), Status::Fail, "{id}");
        // Whole calls say one thing, the estimate another.
        assert_eq!(
            judged(id, in_uml(1.0, 5_000_000)),
            Status::Inconclusive,
            "{id}"
        );
    }
}

#[test]
fn without_the_modules_clock_or_the_cost_of_a_call_nothing_is_judged() {
    let mut evidence = in_uml(1.0, 2_000);
    evidence.guest.steps.remove(&Step::Calls);
    for id in RATIOS {
        assert_eq!(judged(id, evidence.clone()), Status::CouldNotRun, "{id}");
    }
    let mut evidence = in_uml(1.0, 2_000);
    for series in through_the_module(in_guest(&mut evidence)) {
        series.measured.value.as_mut().unwrap().inside.clear();
    }
    assert_eq!(judged("kernel.vs-fuse", evidence), Status::CouldNotRun);
}

#[test]
fn a_cpu_that_is_not_the_hosts_gives_no_estimate() {
    let mut evidence = in_uml(1.0, 2_000);
    in_guest(&mut evidence).host.cpu_model = "another CPU".into();
    assert_eq!(judged("kernel.vs-fuse", evidence), Status::CouldNotRun);
}

/// The searches of the workload and of one kind, with the module's search so many times as long as in process.
fn search_time(times: f64) -> Status {
    let mut evidence = in_uml(1.0, 2_000);
    evidence.criteria.indexes.clear();
    let report = evidence.guest.steps.get_mut(&Step::Workload).unwrap();
    let Outcome::Ok { data } = &mut report.outcome else {
        panic!("there is no workload");
    };
    let StepData::Workload(workload) = &mut **data else {
        panic!("there is no workload");
    };
    let here = match &workload.places[&Place::InProcess] {
        Outcome::Ok { data } => data.samples_ns.clone(),
        Outcome::Failed(failure) => panic!("{failure}"),
    };
    let Some(Outcome::Ok { data }) = workload.places.get_mut(&Place::Kernel) else {
        panic!("the module was not measured");
    };
    data.inside = here.iter().map(|run| reading(run, times)).collect();
    judged("kernel.search-time", evidence)
}

#[test]
fn the_search_within_the_module_is_judged_with_and_without_the_clock() {
    assert_eq!(search_time(1.0), Status::Pass);
    assert_eq!(search_time(3.0), Status::Fail);
}
