// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests which ratios exist, and which are refused. One of the latter is the ratio that early documents of VexFS were
//! built on.

use vexfs::anns::Metric;
use vexfs::client::{Kind, Place};
use vexfs::figures::{
    Against, Clock, Conditions, Dataset, Engine, Estimate, Figure, Machine, Operation, Parts,
    Quantity, Ratio, Refusal, Rule, Spread, Window,
};
use vexfs::protocol::Accelerator;

/// ChromaDB's "949 ops/sec" as it was recorded (docs/method.md).
const INHERITED: &str = include_str!("../data/figures/chromadb-949.json");

fn search(place: Place) -> Conditions {
    Conditions {
        engine: Engine {
            name: "vexfs".into(),
            version: "0.1.0".into(),
        },
        dataset: Dataset {
            name: "inherited".into(),
            rows: 10_000,
            dim: 128,
            vectors_blake3: Some("d3d19df5590eeccc".into()),
            queries_blake3: Some("5eee471a22ffcd22".into()),
        },
        operation: Operation::Search,
        window: Window::Call,
        metric: Metric::L2,
        k: Some(10),
        kind: Kind::Hnsw,
        effort: 200,
        recall: Some(0.96),
        place,
        machine: Machine::Host {
            cpu: "a CPU".into(),
        },
        clock: Clock::Monotonic,
        threads: 1,
    }
}

fn guest(accelerator: Accelerator, bundle: &str) -> Conditions {
    Conditions {
        machine: Machine::Guest {
            accelerator: Some(accelerator),
            cpu: Some("a CPU".into()),
            bundle: bundle.into(),
        },
        clock: Clock::of(accelerator),
        ..search(Place::Kernel)
    }
}

/// Runs of one query each.
fn figure(runs: &[u64], conditions: Conditions) -> Figure {
    let samples: Vec<Vec<u64>> = runs.iter().map(|&ns| vec![ns]).collect();
    Figure::of_samples(Quantity::Median, &samples, conditions)
}

/// The refusal of a ratio, which is refused in both directions.
fn refused(a: &Figure, b: &Figure, rule: Rule) -> String {
    let there = Ratio::new(a, b, rule).expect_err("there is a ratio");
    Ratio::new(b, a, rule).expect_err("there is a ratio the other way round");
    there.to_string()
}

#[test]
fn the_inherited_insert_rate_is_no_baseline_for_search() {
    let inherited: Figure = serde_json::from_str(INHERITED).unwrap();
    assert_eq!(inherited.value.value, Some(949.0));
    let ours = Figure {
        quantity: Quantity::Rate,
        ..figure(&[12_000, 12_100], search(Place::Fuse))
    };
    let reason = refused(&ours, &inherited, Rule::Engines { recall: 0.95 });
    for part in [
        "operation: search against insert",
        "dimension: 128 against 1536",
        "bytes of the rows: BLAKE3 d3d19df5590eeccc against not recorded",
        "k: 10 against none",
        "recall, which must be measured and reach the floor on both sides: 0.960000 against never measured",
    ] {
        assert!(reason.contains(part), "{part} is not in: {reason}");
    }

    // Neither is it one for what it was set against then: inserts of rows that are a twelfth as long.
    let inserts = Figure {
        quantity: Quantity::Rate,
        ..figure(
            &[1, 1],
            Conditions {
                operation: Operation::Insert,
                k: None,
                ..search(Place::Fuse)
            },
        )
    };
    let reason = refused(&inserts, &inherited, Rule::Engines { recall: 0.95 });
    assert!(reason.contains("dimension: 128 against 1536"), "{reason}");
    assert!(!reason.contains("operation"), "{reason}");
}

#[test]
fn like_for_like_has_a_ratio() {
    let here = figure(&[100, 100, 100, 100], search(Place::InProcess));
    let there = figure(&[150, 150, 150, 150], search(Place::Fuse));
    let ratio = Ratio::new(&there, &here, Rule::Places).unwrap();
    assert_eq!(ratio.value, 1.5);
    assert_eq!(
        ratio.spread,
        Spread::Interval {
            low: 1.5,
            high: 1.5
        }
    );

    let peer = Conditions {
        engine: Engine {
            name: "faiss".into(),
            version: "1.15.1".into(),
        },
        effort: 160,
        recall: Some(0.95),
        ..search(Place::InProcess)
    };
    let peer = figure(&[300, 300], peer);
    let ours = figure(&[150, 150], search(Place::InProcess));
    let rule = Rule::Engines { recall: 0.95 };
    assert_eq!(Ratio::new(&peer, &ours, rule).unwrap().value, 2.0);
}

/// One condition changed at a time.
#[test]
fn each_condition_that_must_agree_is_asked_for() {
    type Change = fn(&mut Conditions);
    let everywhere: &[(&str, Change)] = &[
        ("operation", |c| c.operation = Operation::Build),
        ("rows", |c| c.dataset.rows = 9_999),
        ("dimension", |c| c.dataset.dim = 127),
        ("bytes of the rows", |c| {
            c.dataset.vectors_blake3 = Some("other".into())
        }),
        ("bytes of the rows", |c| c.dataset.vectors_blake3 = None),
        ("bytes of the queries", |c| {
            c.dataset.queries_blake3 = Some("other".into())
        }),
        ("metric", |c| c.metric = Metric::Cosine),
        ("k", |c| c.k = Some(100)),
        ("clock", |c| c.clock = Clock::Instructions),
        ("threads", |c| c.threads = 2),
        ("what was timed", |c| c.window = Window::NetCall),
        ("machine", |c| {
            c.machine = Machine::Host {
                cpu: "another CPU".into(),
            }
        }),
    ];
    let of_places: &[(&str, Change)] = &[
        ("kind", |c| c.kind = Kind::Ivf),
        ("effort", |c| c.effort = 100),
        ("engine", |c| c.engine.version = "0.2.0".into()),
        ("recall", |c| c.recall = Some(0.97)),
    ];
    let of_engines: &[(&str, Change)] = &[
        ("recall", |c| c.recall = Some(0.949)),
        ("recall", |c| c.recall = None),
    ];
    let of_runs: &[(&str, Change)] = &[
        ("kind", |c| c.kind = Kind::Ivf),
        ("effort", |c| c.effort = 100),
        ("place", |c| c.place = Place::Fuse),
        ("engine", |c| c.engine.name = "faiss".into()),
    ];
    let base = figure(&[100, 101], search(Place::InProcess));
    for (rule, own) in [
        (Rule::Places, of_places),
        (Rule::Engines { recall: 0.95 }, of_engines),
        (Rule::Runs, of_runs),
    ] {
        Ratio::new(&base, &base, rule).unwrap();
        for (what, change) in everywhere.iter().chain(own) {
            let mut conditions = search(Place::InProcess);
            change(&mut conditions);
            let reason = refused(&figure(&[100, 101], conditions), &base, rule);
            assert!(
                reason.starts_with(&format!("not like for like: {what}")),
                "{rule:?}, {what}: {reason}"
            );
        }
    }
    let p95 = Figure {
        quantity: Quantity::P95,
        ..base.clone()
    };
    assert!(refused(&p95, &base, Rule::Runs).contains("quantity: p95 against median"));
}

#[test]
fn runs_of_other_bundles_are_compared_but_their_places_are_not() {
    let one = figure(&[100], guest(Accelerator::Icount, "one"));
    let two = figure(&[101], guest(Accelerator::Icount, "two"));
    let ratio = Ratio::new(&two, &one, Rule::Runs).unwrap();
    assert_eq!((ratio.value, ratio.spread), (1.01, Spread::Exact));
    assert!(refused(&two, &one, Rule::Places).contains("machine"));
    let kvm = figure(&[100], guest(Accelerator::Kvm, "one"));
    let reason = refused(&kvm, &one, Rule::Runs);
    assert!(
        reason.contains("clock: nanoseconds against instructions"),
        "{reason}"
    );
    assert!(reason.contains("machine"), "{reason}");
}

/// A time of User-Mode Linux beside one of any other machine, under every rule that divides two times.
#[test]
fn a_time_of_user_mode_linux_is_set_against_none_of_another_machine() {
    let uml = figure(&[100, 101], guest(Accelerator::Uml, "one"));
    let kvm = figure(&[100, 101], guest(Accelerator::Kvm, "one"));
    let host = figure(&[100, 101], search(Place::Kernel));
    let rules = [Rule::Places, Rule::Engines { recall: 0.95 }, Rule::Runs];
    for (other, rule) in [&kvm, &host]
        .into_iter()
        .flat_map(|f| rules.map(|r| (f, r)))
    {
        for (of, to) in [(&uml, other), (other, &uml)] {
            let reason = refused(of, to, rule);
            assert!(reason.contains("machine: "), "{rule:?}: {reason}");
            assert!(reason.contains("a guest under uml on a CPU"), "{reason}");
        }
    }
}

fn windowed(runs: &[u64], window: Window, place: Place, accelerator: Accelerator) -> Figure {
    let conditions = Conditions {
        window,
        place,
        ..guest(accelerator, "one")
    };
    Figure {
        quantity: Quantity::Mean,
        ..figure(runs, conditions)
    }
}

#[test]
fn the_time_within_the_module_is_set_against_the_whole_search_in_process_only() {
    let of = |window, place| windowed(&[104, 105], window, place, Accelerator::Uml);
    let search = of(Window::Search, Place::Kernel);
    for whole in [
        of(Window::Call, Place::InProcess),
        of(Window::NetCall, Place::InProcess),
    ] {
        Ratio::new(&search, &whole, Rule::Places).unwrap();
    }
    for part in [
        of(Window::Call, Place::Fuse),
        of(Window::Handler, Place::Kernel),
    ] {
        let reason = refused(&search, &part, Rule::Places);
        assert!(reason.contains("what was timed"), "{reason}");
    }
    let reason = refused(
        &of(Window::NetCall, Place::Kernel),
        &of(Window::Call, Place::InProcess),
        Rule::Places,
    );
    assert!(reason.contains("what was timed"), "{reason}");
}

#[test]
fn what_an_empty_call_costs_is_taken_off_or_there_is_no_figure() {
    let call = figure(&[100, 104], search(Place::Kernel));
    let net = call.less(4.0);
    assert_eq!(
        (net.runs.as_slice(), net.conditions.window),
        ([96.0, 100.0].as_slice(), Window::NetCall)
    );
    assert_eq!(call.less(100.0).value.value, None);
}

#[test]
fn an_estimate_takes_a_proportion_to_the_host_and_adds_what_entering_costs() {
    let uml = |runs, window, place| windowed(runs, window, place, Accelerator::Uml);
    let handler = uml(&[120, 120, 120, 120], Window::Handler, Place::Kernel);
    let in_guest = uml(&[100, 100, 100, 100], Window::Call, Place::InProcess);
    let on_host = figure(&[200, 200, 200, 200], search(Place::InProcess));
    let fuse = figure(&[500, 500, 500, 500], search(Place::Fuse));
    let parts = Parts {
        handler: &handler,
        in_guest: &in_guest,
        on_host: &on_host,
        entry_ns: 10.0,
    };
    let estimate = Estimate::of(&parts).unwrap();
    assert_eq!(estimate.proportion.value, 1.2);
    assert_eq!(estimate.figure().value.value, Some(250.0));
    let ratio = estimate.against(&fuse, Rule::Places, false).unwrap();
    assert_eq!(ratio.value, 0.5);
    assert_eq!(
        estimate.against(&fuse, Rule::Places, true).unwrap().value,
        2.0
    );

    // The widest interval that the proportion and the runs allow.
    let unsteady = uml(&[110, 130, 110, 130], Window::Handler, Place::Kernel);
    let wide = Estimate::of(&Parts {
        handler: &unsteady,
        ..parts
    })
    .unwrap();
    let ratio = wide.against(&fuse, Rule::Places, false).unwrap();
    let Spread::Interval { low, high } = ratio.spread else {
        panic!("{ratio}");
    };
    assert!(low < 0.461 && high > 0.539, "{low} to {high}");

    let elsewhere = Conditions {
        machine: Machine::Host {
            cpu: "another CPU".into(),
        },
        ..search(Place::InProcess)
    };
    let elsewhere = figure(&[200, 200], elsewhere);
    let refusal = Estimate::of(&Parts {
        on_host: &elsewhere,
        ..parts
    })
    .err()
    .unwrap()
    .to_string();
    assert!(
        refusal.contains("CPU: a CPU against another CPU"),
        "{refusal}"
    );
}

#[test]
fn what_was_not_measured_is_not_a_number() {
    let there = figure(&[100, 100], search(Place::InProcess));
    let missing = Figure::missing(Quantity::Median, "it died", search(Place::Fuse));
    let reason = refused(&missing, &there, Rule::Places);
    assert!(reason.ends_with("was not measured: it died"), "{reason}");
    let empty = figure(&[], search(Place::Fuse));
    assert_eq!(empty.value.value, None);
    let nothing = figure(&[0, 0], search(Place::Fuse));
    assert!(matches!(
        Ratio::new(&there, &nothing, Rule::Places),
        Err(Refusal::NoBase { .. })
    ));
}

#[test]
fn an_interval_with_the_limit_in_it_decides_nothing() {
    let here = figure(&[100, 110, 90, 105, 95, 100], search(Place::InProcess));
    let there = figure(&[110, 100, 100, 120, 90, 105], search(Place::Fuse));
    let ratio = Ratio::new(&there, &here, Rule::Places).unwrap();
    assert_eq!(ratio.against(1.0), Against::Inconclusive);
    assert_eq!(ratio.against(2.0), Against::Below);
    assert_eq!(ratio.against(0.5), Against::Above);

    let once = figure(&[100], search(Place::InProcess));
    let ratio = Ratio::new(&once, &once, Rule::Places).unwrap();
    assert_eq!(
        ratio.against(50.0),
        Against::Inconclusive,
        "one run proves nothing"
    );
    let exact = figure(&[100], guest(Accelerator::Icount, "one"));
    let ratio = Ratio::new(&exact, &exact, Rule::Places).unwrap();
    assert_eq!(ratio.against(1.0), Against::Below);
    let emulated = figure(&[100, 100], guest(Accelerator::Tcg, "one"));
    let ratio = Ratio::new(&emulated, &emulated, Rule::Places).unwrap();
    assert_eq!(
        ratio.against(50.0),
        Against::Inconclusive,
        "emulated time means nothing"
    );
}

/// A noise that strikes both at a time leaves their ratio alone.
#[test]
fn pairs_of_runs_cancel_what_disturbs_both() {
    let noise = [100, 180, 90, 250, 120, 300, 110, 95];
    let here = figure(&noise, search(Place::InProcess));
    let twice: Vec<u64> = noise.iter().map(|ns| 2 * ns).collect();
    let there = figure(&twice, search(Place::Fuse));
    let paired = Ratio::new(&there, &here, Rule::Places).unwrap();
    assert_eq!(
        paired.spread,
        Spread::Interval {
            low: 2.0,
            high: 2.0
        }
    );

    let later = figure(&twice, search(Place::InProcess));
    let unpaired = Ratio::new(&later, &here, Rule::Runs).unwrap();
    let Spread::Interval { low, high } = unpaired.spread else {
        panic!("{unpaired:?}");
    };
    assert!(low < 1.5 && high > 2.5, "{low} {high}");
}

/// What is shown lies in the interval that is shown beside it.
#[test]
fn a_disturbed_run_counts_as_one() {
    let calm = vec![10, 11, 12];
    let disturbed = vec![900, 901, 902];
    let samples = [
        calm.clone(),
        calm.clone(),
        calm,
        disturbed.clone(),
        disturbed,
    ];
    let figure = Figure::of_samples(Quantity::Median, &samples, search(Place::Fuse));
    assert_eq!(figure.value.value, Some(11.0));
    assert_eq!(
        figure.spread,
        Spread::Interval {
            low: 11.0,
            high: 901.0
        }
    );
}

#[test]
fn outliers_are_counted_and_kept() {
    let mut samples: Vec<u64> = (0..99).map(|i| 1_000 + i % 7).collect();
    samples.push(50_000);
    let figure = Figure::of_samples(Quantity::Median, &[samples], search(Place::Fuse));
    assert_eq!(figure.outliers, 1);
    let worst = Figure::of_samples(Quantity::P99, &[vec![1, 1, 50_000]], search(Place::Fuse));
    assert_eq!(worst.value.value, Some(50_000.0));
}
