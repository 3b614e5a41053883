// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records to report on, made up, so that every part of a report has something to show and something to say in its
//! place.

use std::f64::consts::TAU;

use rand_core::Rng;
use rand_pcg::Pcg64;
use serde_json::{Value, json};
use vexfs::anns::Metric;
use vexfs::bench::Measured;
use vexfs::client::{Kind, Place};
use vexfs::criteria::Criteria;
use vexfs::criteria::check::Status;
use vexfs::dataset::source::Source;
use vexfs::dataset::workload::{Name, Workload};
use vexfs::machine::session::Ending;
use vexfs::peers::{BuildRecord, Compared, Comparison, Engine, Host, Samples, Series};
use vexfs::protocol::Accelerator;
use vexfs::report::Shown;
use vexfs::verdict::Verdict;
use vexfs::verdict::evidence::{
    Evidence, GuestPeers, MachineRecord, MachineRun, Repetition, Second,
};
use vexfs::verdict::fate::Fate;
use vexfs::verdict::guest_report::GuestReport;
use vexfs::verdict::judgement::Judgement;

/// What no report may carry through as it is.
pub const HOSTILE: &str = "<script>alert('x')</script> | `a` & \"b\" \u{1b}[31m \u{7}";

pub struct Record {
    pub evidence: Evidence,
    pub verdict: Verdict,
}

impl Record {
    pub fn report(&self) -> Shown<'_> {
        Shown::of(&self.evidence, &self.verdict)
    }
}

/// A run in which everything was measured.
pub fn full() -> Record {
    judged(evidence(&mut Noise::new()))
}

/// A run that never booted anything.
pub fn empty() -> Record {
    let mut evidence = evidence(&mut Noise::new());
    let reason = "out/bundle has no manifest.json: make one with `vexfs-validate bundle`";
    evidence.manifest = Err(reason.into());
    evidence.manifest_text = None;
    evidence.host = Err("this host has no /dev/fuse".into());
    evidence.indexes = Err("no check of the criteria asks for it".into());
    evidence.machine = None;
    evidence.guest_peers = GuestPeers::Failed {
        reason: "no virtual machine was started".into(),
    };
    evidence.plan = None;
    evidence.guest = GuestReport::default();
    evidence.fate = Fate::NotStarted {
        not_started: reason.into(),
    };
    evidence.repetition = Repetition::None("no virtual machine was started".into());
    evidence.comparison = Err("no Python with the peers was given".into());
    judged(evidence)
}

/// A run in which much went wrong, told in words that mean something to a browser, at their worst length.
pub fn hostile() -> Record {
    let mut record = full();
    for (n, check) in record.verdict.checks.iter_mut().enumerate() {
        check.status = Status::ALL[(n + 1) % Status::ALL.len()];
        check.measured = format!("{HOSTILE} {}", "5eee471a22ffcd22".repeat(12));
        check.criterion = HOSTILE.into();
    }
    record.verdict = Verdict::of(
        record.verdict.checks,
        Fate::Booted(Ending::Panic {
            line: HOSTILE.into(),
        }),
        record.verdict.provenance,
    );
    if let Ok(comparison) = &mut record.evidence.comparison {
        for engine in &mut comparison.engines[2..] {
            engine.unavailable = Some(HOSTILE.into());
        }
        for series in comparison
            .workloads
            .iter_mut()
            .flat_map(|compared| &mut compared.series)
        {
            if series.engine != "vexfs" {
                series.measured = Err::<Samples, _>(HOSTILE).into();
            }
        }
    }
    record
}

pub fn judged(evidence: Evidence) -> Record {
    let judgement = Judgement::of(&evidence).unwrap();
    Record {
        evidence,
        verdict: judgement.verdict,
    }
}

fn evidence(noise: &mut Noise) -> Evidence {
    let criteria = Criteria::read(None).unwrap();
    let guest = json!({
        "hello": {"kernel_release": "6.12.0-test", "toolkit_version": "0.1.0"},
        "steps": {
            "identity": step(identity()),
            "cycles": step(cycles(noise)),
            "workload": step(workload(noise)),
            "indexes": step(indexes(&criteria, noise)),
            "peers": step(json!({"kind": "peers", "comparison": in_guest(comparison(noise))})),
        },
        "unfinished": null
    });
    let searches = |noise: &mut Noise, ns| {
        json!({
            "samples_ns": noise.samples(6, 100, ns), "elapsed_ns": [1], "answers": [], "result_hashes": [], "unstable": null
        })
    };
    let host = json!({
        "files": {"outcome": "ok", "data": []},
        "left_out": [],
        "searches": {"outcome": "ok", "data": {
            "vectors_blake3": criteria.workload.vectors,
            "queries_blake3": criteria.workload.queries,
            "in_process": searches(noise, 180e3),
            "fuse": searches(noise, 190e3),
        }},
        "calls": {"costs": {}},
        "lifecycle": {"outcome": "ok", "data": null}
    });
    Evidence {
        date: jiff::civil::date(2026, 11, 26),
        own: None,
        cpu: Some("Some CPU @ 2.70GHz".into()),
        host: Ok(serde_json::from_value(host).unwrap()),
        indexes: Ok(Vec::new()),
        comparison: Ok(comparison(noise)),
        first: MachineRun {
            manifest_text: Some(manifest().to_string()),
            manifest: Ok(serde_json::from_value(manifest()).unwrap()),
            machine: Some(MachineRecord {
                accelerator: Some(Accelerator::Icount),
                reason: "it was asked for".into(),
                qemu: Some("10.0.2".into()),
            }),
            guest_peers: GuestPeers::Planned {
                disk_blake3: "d1".repeat(32),
            },
            plan: Some(criteria.plan(
                Some(Accelerator::Icount),
                vexfs::criteria::samples::Samples::Few,
                Source::Generated(Workload::new(Name::Inherited)),
                vexfs::protocol::Step::ALL.to_vec(),
            )),
            guest: serde_json::from_value(guest).unwrap(),
            fate: Fate::Booted(Ending::Completed),
            kernel_log: Err("there is no log".into()),
        },
        second: Second::Skipped {
            reason: "only --accel auto adds a second machine".into(),
        },
        debug: Second::Skipped {
            reason: "there is no out/debug-bundle".into(),
        },
        cuts: Err("no check of the criteria asks for it".into()),
        repetition: Repetition::Equal { bytes: 1_234_567 },
        criteria,
    }
}

fn step(data: Value) -> Value {
    json!({"elapsed_ns": 1, "outcome": {"outcome": "ok", "data": data}})
}

fn manifest() -> Value {
    let file = |size: u64| json!({"size": size, "blake3": "f1".repeat(32)});
    json!({
        "format": 4, "toolkit_version": "0.1.0", "machine": "qemu",
        "kernel": {"release": "6.12.0-test", "supplier": "debian", "packages": [
            {"name": "linux-image-6.12.0-test", "version": "6.12-1", "hash": format!("sha256:{}", "0f".repeat(32))}
        ]},
        "module": {"compiler": "gcc 12", "build_id": "b1d0", "vermagic": "6.12.0-test SMP"},
        "guest": {"compiler": "rustc", "roles": ["guest"], "modules": [], "peers_modules": []},
        "files": {"initramfs": file(9_946_496), "kernel": file(11_614_144), "vexfs.ko": file(326_944)}
    })
}

fn identity() -> Value {
    json!({
        "kind": "identity", "hypervisor": true, "hypervisor_vendor": "TCGTCGTCGTCG", "dmi_vendor": null, "dmi_product": null,
        "kernel_release": "6.12.0-test", "kernel_version": "#1", "command_line": "", "cpus": 1, "cpu_model": "EPYC", "cpu_flags": [],
        "memory_kib": 991_364, "clocksource": "tsc", "modules": [], "taint": 0
    })
}

fn cycles(noise: &mut Noise) -> Value {
    let cycles: Vec<Value> = (0..100)
        .map(|_| json!({
            "answer_equal": true, "busy_unmount": "EBUSY", "busy_unload": "EAGAIN",
            "memory": {
                "free_kib": 949_448, "slab_kib": 8000, "slab_unreclaimable_kib": 7344 + noise.below(12), "vmalloc_used_kib": 7228,
                "vexfs_objects_mounted": 10, "vexfs_objects": 0
            }
        }))
        .collect();
    json!({"kind": "cycles", "planned": 100, "cycles": cycles, "failed": null})
}

fn workload(noise: &mut Noise) -> Value {
    let mut place = |ns| {
        json!({"outcome": "ok", "data": {
            "write_ns": 1, "vectors_blake3": "d3".repeat(32), "lower_blake3": "d3".repeat(32), "samples_ns": noise.samples(2, 100, ns),
            "answers": [], "result_hashes": ["aa"], "unstable": null, "recall": 1.0
        }})
    };
    json!({
        "kind": "workload", "vectors_blake3": "d3".repeat(32), "queries_blake3": "5e".repeat(32), "truth_blake3": "95".repeat(32), "truth": [],
        "places": {"in-process": place(840e3), "fuse": place(880e3), "kernel": place(830e3)}, "module_after": "b1d0"
    })
}

/// What the criteria ask for; the last kind of each case has failed in the module.
fn indexes(criteria: &Criteria, noise: &mut Noise) -> Value {
    let mut cases = Vec::new();
    for case in &criteria.indexes {
        let mut kinds = Vec::new();
        for (n, kind) in case.kinds.iter().enumerate() {
            let mut place = |ns| {
                json!({"outcome": "ok", "data": {
                    "file": {"write_ns": 4_420_065, "lower_blake3": "ff".repeat(32)}, "samples_ns": noise.samples(1, 50, ns),
                    "answers": [], "result_hashes": [], "unstable": null, "recall": 0.96, "recall_by_distance": 0.96
                }})
            };
            let mut places =
                json!({"in-process": place(300e3), "fuse": place(350e3), "kernel": place(290e3)});
            if n + 1 == case.kinds.len() {
                places["kernel"] = json!({"outcome": "failed", "reason": "the search failed: ENOMEM", "errno": "ENOMEM"});
            }
            let built = kind.kind.index().map(|_| json!({"build_ns": 4_040_582_515_u64, "bytes": 2_646_016, "blake3": "ff".repeat(32)}));
            kinds.push(json!({"kind": kind.kind, "outcome": {"outcome": "ok", "data": {"built": built, "places": places}}}));
        }
        cases.push(json!({
            "name": case.name, "vectors_blake3": "d3".repeat(32), "queries_blake3": "5e".repeat(32), "truth_blake3": "95".repeat(32), "kinds": kinds
        }));
    }
    json!({"kind": "indexes", "cases": cases, "following": {}, "replacing": {}})
}

fn comparison(noise: &mut Noise) -> Comparison {
    let engine = |name: &str, unavailable: Option<&str>| Engine {
        name: name.into(),
        versions: [(name.to_owned(), "1.2.3".to_owned())].into(),
        pinned: [(name.to_owned(), "1.2.3".to_owned())].into(),
        interfaces: vec!["lo".into()],
        parameters: [(Kind::Hnsw, json!({"M": 16, "ef_construction": 200}))].into(),
        unavailable: unavailable.map(str::to_owned),
    };
    Comparison {
        host: Host {
            cpu_model: "Some CPU @ 2.70GHz".into(),
            cpus: 2,
            core: 1,
            kernel_release: "6.1.0".into(),
            load_average: [0.1, 0.2, 0.3],
        },
        seed: 42,
        no_mount: None,
        engines: vec![
            engine("vexfs", None),
            engine("chromadb", None),
            engine("qdrant", None),
            engine("hnswlib", None),
            engine("faiss", None),
            engine(
                "usearch",
                Some("it cannot be imported: no module named usearch"),
            ),
        ],
        workloads: vec![
            compared(Name::Inherited, 1.0, noise),
            compared(Name::Clustered, 0.2, noise),
        ],
    }
}

/// The comparison with the module as one more place, as fast as FUSE here.
fn in_guest(mut comparison: Comparison) -> Comparison {
    for compared in &mut comparison.workloads {
        let through: Vec<Series> = compared.of("vexfs", Some(Place::Fuse)).cloned().collect();
        compared
            .series
            .extend(through.into_iter().map(|series| Series {
                place: Some(Place::Kernel),
                ..series
            }));
    }
    comparison
}

/// A workload in which recall rises, and speed falls, with the effort.
fn compared(name: Name, hardness: f64, noise: &mut Noise) -> Compared {
    let mut series = Vec::new();
    let mut sweep = |engine: &str, place: Option<Place>, kind: Kind, base_us: f64| {
        let efforts: &[u32] = if kind == Kind::Flat {
            &[0]
        } else {
            &[16, 64, 256]
        };
        for (n, &effort) in efforts.iter().enumerate() {
            let recall = match kind {
                Kind::Flat => 1.0,
                _ => 1.0 - hardness * [0.45, 0.2, 0.03][n],
            };
            let ns = base_us * 1e3 * f64::from(n as u32 * 2 + 1);
            series.push(Series {
                engine: engine.into(),
                kind,
                place,
                effort,
                effort_name: if kind == Kind::Flat {
                    String::new()
                } else {
                    "efSearch".into()
                },
                threads: 1,
                measured: Ok::<_, &str>(Samples {
                    samples_ns: noise.samples(6, 100, ns),
                    ids: Vec::new(),
                    recall_by_row: recall,
                    recall_by_distance: recall,
                    answers_blake3: None,
                    divergence: None,
                    inside: Vec::new(),
                })
                .into(),
            });
        }
    };
    for kind in Kind::ALL {
        sweep("vexfs", Some(Place::InProcess), kind, 15.0);
        sweep("vexfs", Some(Place::Fuse), kind, 27.0);
    }
    sweep("chromadb", None, Kind::Hnsw, 500.0);
    sweep("qdrant", None, Kind::Hnsw, 120.0);
    sweep("qdrant", None, Kind::Flat, 270.0);
    sweep("faiss", None, Kind::Hnsw, 75.0);
    series.push(Series {
        engine: "hnswlib".into(),
        kind: Kind::Hnsw,
        place: None,
        effort: 64,
        effort_name: "ef".into(),
        threads: 1,
        measured: Err::<Samples, _>("its process ended with signal 9 in run 3").into(),
    });
    let built = |engine: &str, insert_ns: Measured<u64>| BuildRecord {
        engine: engine.into(),
        kind: Kind::Hnsw,
        rows: 10_000,
        insert_ns,
    };
    Compared {
        workload: Workload::new(name),
        vectors_blake3: "d3".repeat(32),
        queries_blake3: "5e".repeat(32),
        truth_blake3: "95".repeat(32),
        k: 10,
        metric: Metric::L2,
        launches: 3,
        warmups: 6,
        runs: 6,
        builds: vec![
            built("vexfs", Ok::<_, &str>(900_000_000).into()),
            built("chromadb", Ok::<_, &str>(4_000_000_000).into()),
            built(
                "hnswlib",
                Err::<u64, _>("its process ended with signal 9").into(),
            ),
        ],
        order: vec![(0..series.len() as u32).collect()],
        series,
    }
}

/// Times that scatter as times do, and are the same each time.
struct Noise(Pcg64);

impl Noise {
    fn new() -> Noise {
        Noise(Pcg64::new(7, 1))
    }

    fn below(&mut self, end: u32) -> u32 {
        self.0.next_u32() % end
    }

    fn uniform(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 1.0) / (f64::from(u32::MAX) + 2.0)
    }

    /// Draws samples that are log-normal around a median, now and then ten times as long.
    fn samples(&mut self, runs: usize, queries: usize, median: f64) -> Vec<Vec<u64>> {
        let mut one = || {
            let normal = (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos();
            let rare = if self.below(300) == 0 { 10.0 } else { 1.0 };
            (median * (0.1 * normal).exp() * rare) as u64
        };
        (0..runs)
            .map(|_| (0..queries).map(|_| one()).collect())
            .collect()
    }
}
