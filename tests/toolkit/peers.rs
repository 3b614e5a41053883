// SPDX-License-Identifier: MIT OR Apache-2.0
//! VexFS is measured beside its peers: the real ones (`make target/peers/installed`), and some that lie, die, hang or
//! call home.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use vexfs::client::{Kind, Place};
use vexfs::dataset::workload::{Name, Workload};
use vexfs::peers::{
    Comparison, Contestant, NoMount, OURS, Peers, Places, Plan, Samples, Store, WorkloadPlan,
    adapters, compare, on_one_core,
};

use crate::peers_python::python;
use crate::{criteria, processes};

const K: usize = 10;

fn contestant(engine: &str, kind: Kind, efforts: &[u32]) -> Contestant {
    Contestant {
        engine: engine.into(),
        kind,
        efforts: efforts.into(),
    }
}

/// Uniform rows, few enough to be fast and many enough for the effort to matter.
fn plan(rows: usize, contestants: Vec<Contestant>) -> Plan {
    Plan {
        seed: 7,
        k: K as u32,
        launches: 1,
        warmups: 1,
        runs: 3,
        recall: 0.95,
        patience: 120,
        workloads: vec![WorkloadPlan {
            workload: Workload {
                name: Name::Inherited,
                seed: 42,
                rows,
                dim: 32,
                queries: 20,
            },
            contestants,
        }],
    }
}

/// The adapters in a directory of their own, some of them replaced.
struct Adapters {
    dir: TempDir,
}

impl Adapters {
    fn new() -> Adapters {
        let dir = tempfile::tempdir().unwrap();
        adapters::write(dir.path()).unwrap();
        Adapters { dir }
    }

    fn with(self, engine: &str, source: &str) -> Adapters {
        fs::write(self.dir.path().join(format!("engines/{engine}.py")), source).unwrap();
        self
    }

    fn peers(&self, patience: Duration) -> Peers {
        Peers {
            python: python().to_owned(),
            root: None,
            adapters: self.dir.path().into(),
            patience,
        }
    }

    fn compare(&self, plan: &Plan) -> Comparison {
        carry_out(plan, Ok(self.peers(Duration::from_secs(plan.patience))))
    }
}

/// Carries out the plan without a mount.
fn carry_out(plan: &Plan, peers: Result<Peers, String>) -> Comparison {
    let [store, scratch] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let compared = on_one_core(|core| {
        let places = Places {
            store: Store {
                clock: None,
                dir: store.path(),
                mounts: vec![(Place::Fuse, Err(NoMount::NotHere("no mount here".into())))],
            },
            peers,
            scratch: scratch.path(),
            core,
        };
        compare(plan, &places, &|_| ())
    });
    compared.unwrap().unwrap()
}

/// Samples or reason of the series of an engine, in the order of its efforts.
fn measured<'a>(
    comparison: &'a Comparison,
    engine: &str,
    kind: Kind,
) -> Vec<Result<&'a Samples, String>> {
    let all = &comparison.workloads[0].series;
    let wanted = all.iter().filter(|series| {
        series.engine == engine && series.kind == kind && series.place != Some(Place::Fuse)
    });
    wanted.map(|series| series.measured.samples()).collect()
}

fn recall(comparison: &Comparison, engine: &str, kind: Kind) -> f64 {
    measured(comparison, engine, kind)[0]
        .as_ref()
        .unwrap()
        .recall_by_row
}

#[test]
fn every_engine_finds_more_the_harder_it_tries() {
    let efforts = [K as u32, 200];
    let mut contestants: Vec<Contestant> =
        [OURS, "chromadb", "qdrant", "hnswlib", "faiss", "usearch"]
            .map(|engine| contestant(engine, Kind::Hnsw, &efforts))
            .into();
    contestants.extend([
        contestant(OURS, Kind::Flat, &[0]),
        contestant("qdrant", Kind::Flat, &[0]),
        contestant("faiss", Kind::Flat, &[0]),
        contestant("faiss", Kind::Ivf, &[1, 30]),
        contestant("faiss", Kind::Pq, &[1, 16]),
        contestant("faiss", Kind::Lsh, &[1, 64]),
    ]);
    // Each run is made by a process of its own, which opens what the first one built.
    let plan = Plan {
        launches: 3,
        warmups: 3,
        ..plan(2_000, contestants)
    };
    let comparison = Adapters::new().compare(&plan);

    for engine in &comparison.engines {
        assert_eq!(
            (&engine.unavailable, engine.not_as_pinned()),
            (&None, None),
            "{}",
            engine.name
        );
        assert!(!engine.parameters.is_empty(), "{}", engine.name);
        if engine.name != OURS {
            assert_eq!(engine.interfaces, ["lo"], "{}", engine.name);
        }
    }
    let compared = &comparison.workloads[0];
    assert!(
        compared
            .builds
            .iter()
            .all(|built| built.insert_ns.value.is_some_and(|ns| ns > 0))
    );
    for asked in &plan.workloads[0].contestants {
        let series: Vec<&Samples> = measured(&comparison, &asked.engine, asked.kind)
            .into_iter()
            .map(|samples| {
                samples.unwrap_or_else(|reason| panic!("{} {}: {reason}", asked.engine, asked.kind))
            })
            .collect();
        for samples in &series {
            assert_eq!(samples.samples_ns.len(), 3);
            assert!(samples.samples_ns.iter().all(|run| run.len() == 20));
            assert!(
                samples.ids.iter().all(|ids| ids.len() == K),
                "{}",
                asked.engine
            );
            assert_eq!(samples.divergence, None);
        }
        let recalls: Vec<f64> = series.iter().map(|samples| samples.recall_by_row).collect();
        match recalls[..] {
            [exact] => assert_eq!(exact, 1.0, "{}", asked.engine),
            [little, much] => assert!(
                little < much && much > 0.9,
                "{} {}: {recalls:?}",
                asked.engine,
                asked.kind
            ),
            _ => panic!("{recalls:?}"),
        }
    }
    // Ours through FUSE, where there is no mount.
    let through = compared.of(OURS, Some(Place::Fuse));
    let reasons: Vec<_> = through
        .map(|series| series.measured.samples().unwrap_err())
        .collect();
    assert_eq!(reasons, ["no mount here"; 3]);
    assert_eq!(comparison.no_mount.as_deref(), Some("no mount here"));

    assert_eq!(compared.order.len(), 6);
    assert!(
        compared
            .order
            .iter()
            .all(|pass| pass.len() == compared.series.len())
    );
    let again: Comparison =
        serde_json::from_str(&serde_json::to_string(&comparison).unwrap()).unwrap();
    assert!(again == comparison, "it reads back otherwise");
}

/// What every engine of a test is made of.
const BASE: &str = r#"
import numpy as np

class Base:
    effort_name = "ef"
    parameters = {}
    def __init__(self, rows, dim, k, folder):
        self.k, self.effort = k, 0
    def add(self, vectors):
        self.vectors = vectors
    def set_effort(self, effort):
        self.effort = effort
    def prepare(self, query):
        return query
    def search(self, query):
        return np.argsort(((self.vectors - query) ** 2).sum(axis=1))[: self.k].tolist()
    def ids(self, found):
        return found
"#;

fn engine(source: &str) -> String {
    format!("{BASE}\n{source}")
}

#[test]
fn an_engine_that_lies_gets_the_recall_that_it_deserves() {
    // Each finds one true row, and makes as much of it as it can.
    let liar = engine(
        r#"
class Again(Base):
    def ids(self, found):
        return found[:1] * self.k

class NoRows(Base):
    def ids(self, found):
        return found[:1] + [-1, 10**6, 2**32, 2**40] + [len(self.vectors)] * self.k

class TooMany(Base):
    def ids(self, found):
        return [len(self.vectors)] * (self.k - 1) + found

KINDS = {"flat": Base, "hnsw": Again, "ivf": NoRows, "pq": TooMany}
"#,
    );
    let kinds = [Kind::Flat, Kind::Hnsw, Kind::Ivf, Kind::Pq];
    let contestants = kinds.map(|kind| contestant("hnswlib", kind, &[1]));
    let comparison = Adapters::new()
        .with("hnswlib", &liar)
        .compare(&plan(200, contestants.into()));
    let recalls = kinds.map(|kind| recall(&comparison, "hnswlib", kind));
    let one = 1.0 / K as f64;
    let expected = [1.0, one, one, one];
    assert!(
        recalls
            .iter()
            .zip(expected)
            .all(|(found, expected)| (found - expected).abs() < 1e-9),
        "{recalls:?}"
    );
}

#[test]
fn an_engine_that_changes_its_mind_is_seen() {
    let fickle = engine(
        r#"
class Fickle(Base):
    searches = 0
    def search(self, query):
        self.searches += 1
        found = super().search(query)
        # In the last run: one search when the index is built, 20 in each of four passes.
        return found[:-1] if self.searches == 1 + 3 * 20 + 6 else found

KINDS = {"flat": Fickle}
"#,
    );
    let plan = plan(200, vec![contestant("hnswlib", Kind::Flat, &[1])]);
    let comparison = Adapters::new().with("hnswlib", &fickle).compare(&plan);
    let samples = measured(&comparison, "hnswlib", Kind::Flat)[0]
        .clone()
        .unwrap();
    let divergence = samples.divergence.as_ref().unwrap();
    assert!(divergence.starts_with("run 2, query 5: "), "{divergence}");
}

/// Tells by which process, the builder being the first, each search was made.
const COUNTING: &str = r#"
import os
class Counting(Base):
    def __init__(self, rows, dim, k, folder):
        super().__init__(rows, dim, k, folder)
        self.number, self.file = 0, f"{folder}/launches"
    def save(self):
        open(self.file, "w").write(f"{os.getpid()}\n")
    def load(self):
        open(self.file, "a").write(f"{os.getpid()}\n")
        pids = open(self.file).read().split()
        assert len(set(pids)) == len(pids)
        self.number = len(pids) - 1
    def search(self, query):
        return [self.number]
KINDS = {"flat": Counting}
"#;

#[test]
fn every_launch_is_a_new_process_that_opens_what_was_built() {
    let contestants = vec![contestant("hnswlib", Kind::Flat, &[0])];
    let of = |launches, warmups, runs| Plan {
        launches,
        warmups,
        runs,
        ..plan(200, contestants.clone())
    };
    let compare = |plan: &Plan| {
        let comparison = Adapters::new()
            .with("hnswlib", &engine(COUNTING))
            .compare(plan);
        measured(&comparison, "hnswlib", Kind::Flat)[0]
            .clone()
            .cloned()
    };
    // The second launch begins with the third timed run, and a warm-up goes before it.
    let samples = compare(&of(2, 2, 4)).unwrap();
    assert_eq!(samples.samples_ns.len(), 4);
    let divergence = samples.divergence.unwrap();
    assert_eq!(divergence, "run 2, query 0: rows [1], expected [0]");
    assert_eq!(compare(&of(1, 2, 4)).unwrap().divergence, None);

    // One that cannot be opened again has no figure.
    let lost = COUNTING.replace("pids = open", "raise OSError('it is gone'); pids = open");
    let comparison = Adapters::new()
        .with("hnswlib", &engine(&lost))
        .compare(&of(2, 0, 2));
    let reason = measured(&comparison, "hnswlib", Kind::Flat)[0]
        .clone()
        .unwrap_err();
    assert_eq!(reason, "hnswlib: OSError: it is gone");

    let uneven = of(2, 1, 4).launch().unwrap_err().to_string();
    assert_eq!(
        uneven,
        "1 warm-ups and 4 runs cannot be shared out evenly to 2 launches"
    );
}

#[test]
fn an_engine_that_dies_hangs_or_fails_has_a_reason_and_hides_no_other() {
    let dying = engine(
        r#"
import os, sys
class Dying(Base):
    passes = 0
    def set_effort(self, effort):
        self.passes += 1
        if self.passes == 3:
            print("out of luck", file=sys.stderr, flush=True)
            os._exit(3)
KINDS = {"flat": Dying}
"#,
    );
    let hanging = engine(
        r#"
import time
class Hanging(Base):
    def search(self, query):
        if self.effort == 9:
            time.sleep(3600)
        return super().search(query)
KINDS = {"flat": Hanging}
"#,
    );
    let failing = engine(
        r#"
class Failing(Base):
    def set_effort(self, effort):
        if effort == 9:
            raise ValueError("nine is too many")
class Unbuilt(Base):
    def add(self, vectors):
        raise MemoryError
KINDS = {"flat": Failing, "hnsw": Unbuilt}
"#,
    );
    let mut plan = plan(
        200,
        vec![
            contestant("chromadb", Kind::Flat, &[1]),
            contestant("qdrant", Kind::Flat, &[1, 9]),
            contestant("usearch", Kind::Flat, &[1, 9]),
            contestant("usearch", Kind::Hnsw, &[1]),
            contestant("faiss", Kind::Flat, &[0]),
            contestant(OURS, Kind::Flat, &[0]),
        ],
    );
    plan.patience = 20;
    let adapters = Adapters::new()
        .with("chromadb", &dying)
        .with("qdrant", &hanging)
        .with("usearch", &failing);
    let comparison = adapters.compare(&plan);
    let reason =
        |engine, kind, at: usize| measured(&comparison, engine, kind)[at].clone().unwrap_err();
    assert_eq!(
        reason("chromadb", Kind::Flat, 0),
        "the adapter of chromadb ended midway, exit status: 3: out of luck"
    );
    assert_eq!(
        reason("qdrant", Kind::Flat, 1),
        "qdrant did not answer within 20 s"
    );
    // It was ended, so the other effort has no figure, either.
    assert_eq!(
        reason("qdrant", Kind::Flat, 0),
        "qdrant did not answer within 20 s"
    );
    assert!(measured(&comparison, "usearch", Kind::Flat)[0].is_ok());
    assert_eq!(
        reason("usearch", Kind::Flat, 1),
        "usearch: ValueError: nine is too many"
    );
    assert_eq!(reason("usearch", Kind::Hnsw, 0), "usearch: MemoryError");
    for engine in ["faiss", OURS] {
        assert_eq!(recall(&comparison, engine, Kind::Flat), 1.0);
    }
    // They were there, after all.
    assert!(
        comparison
            .engines
            .iter()
            .all(|engine| engine.unavailable.is_none())
    );
}

#[test]
fn an_engine_that_is_not_there_is_named_with_the_reason() {
    let plan = plan(
        200,
        vec![
            contestant("faiss", Kind::Flat, &[0]),
            contestant("qdrant", Kind::Flat, &[0]),
        ],
    );
    let comparison = Adapters::new()
        .with("faiss", "import no_such_engine")
        .compare(&plan);
    let reason = "faiss: ModuleNotFoundError: No module named 'no_such_engine'";
    assert_eq!(
        comparison.engine("faiss").unwrap().unavailable.as_deref(),
        Some(reason)
    );
    assert_eq!(
        measured(&comparison, "faiss", Kind::Flat)[0],
        Err(reason.into())
    );
    assert_eq!(recall(&comparison, "qdrant", Kind::Flat), 1.0);

    let none = carry_out(&plan, Err("no Python was given".into()));
    for engine in &none.engines {
        assert_eq!(engine.unavailable.as_deref(), Some("no Python was given"));
    }

    let talkative = Adapters::new();
    fs::write(talkative.dir.path().join(adapters::LOOP), "print('hello')").unwrap();
    let comparison = talkative.compare(&plan);
    let reason = comparison
        .engine("faiss")
        .unwrap()
        .unavailable
        .clone()
        .unwrap();
    assert!(
        reason.starts_with("faiss gave no proper answer: "),
        "{reason}"
    );
}

#[test]
fn an_adapter_has_no_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let call = format!(
        r#"
import socket
def call():
    try:
        socket.create_connection(("127.0.0.1", {}), timeout=5).close()
        return "connected"
    except OSError as error:
        return type(error).__name__
"#,
        address.port()
    );
    let calling = engine(&format!(
        "{call}
class Calling(Base):
    parameters = {{\"called\": call()}}
KINDS = {{\"flat\": Calling}}
"
    ));
    let plan = plan(200, vec![contestant("faiss", Kind::Flat, &[1])]);
    let comparison = Adapters::new().with("faiss", &calling).compare(&plan);
    let faiss = comparison.engine("faiss").unwrap();
    assert_eq!(faiss.parameters[&Kind::Flat]["called"], "OSError");
    assert_eq!(faiss.interfaces, ["lo"]);
    assert!(listener.accept().is_err(), "somebody called");

    // The same from a process that has a network.
    let output = Command::new(python())
        .args(["-c", &format!("{call}\nprint(call())")])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"connected\n");
    assert!(listener.accept().is_ok());
}

/// Compares as `vexfs-validate run` does, through FUSE; as root.
#[test]
fn a_run_writes_the_comparison_down_and_judges_it() {
    let out = tempfile::tempdir().unwrap();
    let criteria = out.path().join("criteria.json");
    let mut text = criteria::built_in();
    let small = plan(
        2_000,
        vec![
            contestant(OURS, Kind::Flat, &[0]),
            contestant(OURS, Kind::Hnsw, &[200]),
            contestant("chromadb", Kind::Hnsw, &[300]),
            contestant("qdrant", Kind::Flat, &[0]),
        ],
    );
    text["comparison"] = serde_json::to_value(&small).unwrap();
    let ids = [
        "fuse.baseline",
        "peers.measured",
        "fuse.vs-chromadb",
        "fuse.vs-qdrant",
    ];
    criteria::keep(&mut text, &ids);
    let checks = text["checks"].as_array_mut().unwrap();
    for check in checks
        .iter_mut()
        .filter(|check| check["id"] != "peers.measured")
    {
        // Not a matter of speed here.
        check["limit"] = json!(if check["id"] == "fuse.baseline" {
            1e9
        } else {
            1e-9
        });
    }
    fs::write(&criteria, text.to_string()).unwrap();

    let run = |more: &[&Path]| {
        let output = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
            .args(["run", "--json", "--criteria"])
            .arg(&criteria)
            .arg("--out")
            .arg(out.path())
            .args(more)
            .output()
            .unwrap();
        let verdict: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let checks = verdict["checks"].as_array().unwrap().clone();
        let statuses: Vec<(String, String)> = checks
            .iter()
            .map(|check| {
                (
                    check["id"].as_str().unwrap().into(),
                    check["status"].as_str().unwrap().into(),
                )
            })
            .collect();
        (statuses, checks)
    };
    let all = |statuses: [&str; 4]| -> Vec<(String, String)> {
        ids.iter()
            .zip(statuses)
            .map(|(id, status)| (id.to_string(), status.into()))
            .collect()
    };

    let (statuses, checks) = run(&[Path::new("--peers"), python()]);
    assert_eq!(statuses, all(["pass"; 4]), "{checks:#?}");
    let comparison: Comparison = {
        let path = out.path().join("latest/comparison.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let compared = &comparison.workloads[0];
    for through in compared.of(OURS, Some(Place::Fuse)) {
        let twin = compared
            .of(OURS, Some(Place::InProcess))
            .find(|twin| (twin.kind, twin.effort) == (through.kind, through.effort))
            .unwrap();
        let [through, here] = [through, twin].map(|series| series.measured.samples().unwrap());
        assert!(here.answers_blake3.is_some());
        assert_eq!(through.answers_blake3, here.answers_blake3);
        assert_ne!(through.samples_ns, here.samples_ns);
    }

    let (statuses, checks) = run(&[]);
    assert_eq!(
        statuses,
        all(["pass", "skipped", "skipped", "skipped"]),
        "{checks:#?}"
    );
}

#[test]
fn a_killed_run_leaves_no_adapter_and_no_files() {
    let place = tempfile::tempdir().unwrap();
    let criteria = place.path().join("criteria.json");
    let mut text = criteria::built_in();
    let mut long = plan(2_000, vec![contestant("faiss", Kind::Flat, &[0])]);
    long.runs = 1_000_000;
    text["comparison"] = serde_json::to_value(&long).unwrap();
    criteria::keep(&mut text, &["peers.measured"]);
    fs::write(&criteria, text.to_string()).unwrap();
    let temporary = place.path().join("temporary");
    fs::create_dir(&temporary).unwrap();

    let mut run = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
        .args(["run", "--criteria"])
        .arg(&criteria)
        .arg("--out")
        .arg(place.path().join("out"))
        .arg("--peers")
        .arg(python())
        .env("TMPDIR", &temporary)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let adapters = || {
        processes::naming(&temporary)
            .into_iter()
            .filter(|line| line.contains(adapters::LOOP))
    };
    while adapters().next().is_none() {
        assert!(run.try_wait().unwrap().is_none(), "the run ended early");
        assert!(Instant::now() < deadline, "no adapter was started");
        sleep(Duration::from_millis(5));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let files = || fs::read_dir(&temporary).unwrap().count();
    while files() > 0 || !processes::naming(&temporary).is_empty() {
        let left = processes::naming(&temporary);
        assert!(
            Instant::now() < deadline,
            "left: {} files, {left:?}",
            files()
        );
        sleep(Duration::from_millis(20));
    }
}
