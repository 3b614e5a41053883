// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every pinned kernel boots the module, and gives the same answers and the same index files.

use std::collections::BTreeMap;

use vexfs::anns::Metric;
use vexfs::bundle::Bundle;
use vexfs::bundle::debian;
use vexfs::bundle::source_tree::SourceTree;
use vexfs::client::{Kind, Place};
use vexfs::dataset::source::Source;
use vexfs::dataset::workload::{Name, Workload};
use vexfs::machine::qemu::Mode;
use vexfs::machine::session::{Ending, follow};
use vexfs::machine::{Machine, input};
use vexfs::protocol::results::{self, Indexes, StepData};
use vexfs::protocol::{Accelerator, Build, IndexCase, KindPlan, Message, Outcome, Plan, Step};

use crate::boot::{DEADLINES, config, plan, qemu};
use crate::bundles;

const KINDS: [Kind; 5] = [Kind::Flat, Kind::Hnsw, Kind::Ivf, Kind::Pq, Kind::Lsh];

/// What a guest said of each step.
type Said = BTreeMap<String, StepData>;

/// Little of each: emulation is slow.
fn short() -> Plan {
    let workload = Source::Generated(Workload {
        name: Name::Clustered,
        seed: 45,
        rows: 500,
        dim: 33,
        queries: 10,
    });
    Plan {
        workload: workload.clone(),
        k: 10,
        cycles: 2,
        indexes: vec![IndexCase {
            name: "cosine".to_owned(),
            workload,
            metric: Metric::Cosine,
            k: 10,
            warmups: 0,
            runs: 1,
            kinds: KINDS
                .map(|kind| KindPlan {
                    kind,
                    build: Build::default(),
                    effort: 0,
                })
                .to_vec(),
        }],
        ..plan(
            Accelerator::Tcg,
            vec![
                Step::Identity,
                Step::Module,
                Step::Cycles,
                Step::Files,
                Step::Errors,
                Step::Workload,
                Step::Indexes,
                Step::After,
            ],
        )
    }
}

/// Boots the bundle with this kernel, and demands that every step succeeds.
fn boot(name: &str) -> Said {
    let scratch = bundles::scratch();
    let out = scratch.path().join("bundle");
    bundles::build_with_kernel(name, &out);
    let bundle = Bundle::open(&out).unwrap();
    let plan = short();
    let config = config(scratch.path());
    let mut machine =
        Machine::boot(&qemu(Mode::Tcg), &bundle, &config, &input(&plan, None)).unwrap();
    let mut said = Said::new();
    let ending = follow(&mut machine, &DEADLINES, |message| {
        if let Message::StepFinished { step, outcome, .. } = message {
            match outcome {
                Outcome::Ok { data } => {
                    said.insert(step.to_string(), *data);
                }
                Outcome::Failed(failure) => panic!("Linux {name}, {step}: {}", failure.reason),
            }
        }
    });
    assert_eq!(ending.unwrap(), Ending::Completed, "Linux {name}");
    assert_eq!(said.len(), plan.steps.len(), "Linux {name}");
    said
}

/// Demands what every kernel must do, whichever it is, and gives what must be equal.
fn bits(name: &str, said: &Said) -> BTreeMap<String, Vec<String>> {
    let mut bits = BTreeMap::new();
    for data in said.values() {
        match data {
            StepData::Identity(identity) => {
                let release = &identity.kernel_release;
                assert!(release.starts_with(&format!("{name}.")), "{release}");
            }
            StepData::Cycles(cycles) => assert!(cycles.failed.is_none(), "{name}: {cycles:?}"),
            StepData::Files(results::Files { places })
            | StepData::Errors(results::Errors { places }) => {
                for (place, cases) in places {
                    let wrong: Vec<_> = ok(cases)
                        .iter()
                        .filter(|case| case.observed != case.expected)
                        .collect();
                    assert!(wrong.is_empty(), "Linux {name}, {place}: {wrong:?}");
                }
            }
            StepData::Workload(workload) => {
                for (place, run) in &workload.places {
                    bits.insert(format!("rows {place}"), ok(run).result_hashes.clone());
                }
            }
            StepData::Indexes(indexes) => of_indexes(indexes, &mut bits),
            StepData::After(after) => assert!(after.gone, "{name}: {after:?}"),
            _ => (),
        }
    }
    bits
}

fn of_indexes(indexes: &Indexes, bits: &mut BTreeMap<String, Vec<String>>) {
    for kind in &indexes.cases[0].kinds {
        for (place, run) in &ok(&kind.outcome).places {
            let run = ok(run);
            let mut hashes = run.result_hashes.clone();
            hashes.extend(run.file.iter().map(|file| file.lower_blake3.clone()));
            bits.insert(format!("{} {place}", kind.kind), hashes);
        }
    }
}

fn ok<T: std::fmt::Debug>(outcome: &Outcome<T>) -> &T {
    match outcome {
        Outcome::Ok { data } => data,
        failed @ Outcome::Failed(_) => panic!("{failed:?}"),
    }
}

#[test]
fn every_pinned_kernel_gives_the_same_bits() {
    let names = debian::names(&SourceTree::find().unwrap()).unwrap();
    assert!(names.len() > 1);
    let bits: Vec<_> = names.iter().map(|name| bits(name, &boot(name))).collect();
    for (name, found) in names.iter().zip(&bits) {
        // The rows alone, and each kind of search, in three places.
        assert_eq!(found.len(), (1 + KINDS.len()) * 3, "Linux {name}");
        assert_eq!(found, &bits[0], "Linux {name}");
        for kind in KINDS {
            let of = |place: Place| &found[&format!("{kind} {place}")];
            assert_eq!(of(Place::Kernel)[0], of(Place::InProcess)[0], "{name}");
        }
    }
}
