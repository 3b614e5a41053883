// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests how the comparison in the guest is judged, where its clock counts time and where it does not.

use vexfs::client::Place;
use vexfs::criteria::check::Status;
use vexfs::peers::{Comparison, Series};
use vexfs::protocol::results::StepData;
use vexfs::protocol::{Accelerator, Outcome, Step};
use vexfs::verdict::evidence::Evidence;

use super::fixture;

/// The status of a check under an accelerator, when the guest's comparison was changed in some way. No engine in it is
/// broken.
fn status(accelerator: Accelerator, id: &str, change: impl Fn(&mut Comparison)) -> Status {
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
    let verdict = fixture::judged(evidence).verdict;
    let check = verdict.checks.iter().find(|check| check.id == id);
    check.unwrap().status
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
