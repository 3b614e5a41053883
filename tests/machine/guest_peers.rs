// SPDX-License-Identifier: MIT OR Apache-2.0
//! The step `peers` inside the guest, with the real engines (`make target/peers/installed`). The guest is emulated,
//! since that works everywhere: what is measured is never a time here.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use vexfs::client::Place;
use vexfs::peers::{Comparison, OURS};

use crate::peers_python::python;
use crate::{bundles, criteria};

const CHECKS: [&str; 4] = [
    "peers.guest.measured",
    "kernel.vs-fuse",
    "kernel.vs-chromadb",
    "kernel.vs-qdrant",
];

/// The built-in criteria with these checks, and a comparison that is soon done.
fn short_criteria() -> String {
    let mut criteria = criteria::built_in();
    let contestant = |engine: &str, kind: &str, effort: u32| json!({"engine": engine, "kind": kind, "efforts": [effort]});
    let mut contestants = vec![
        contestant(OURS, "flat", 0),
        contestant(OURS, "hnsw", 64),
        contestant("faiss", "flat", 0),
    ];
    // hnswlib is built for the CPU of this machine, which may have more than the emulated one.
    contestants
        .extend(["chromadb", "qdrant", "usearch"].map(|engine| contestant(engine, "hnsw", 64)));
    criteria["comparison"] = json!({
        "seed": 42, "k": 10, "warmups": 1, "runs": 2, "recall": 0.95, "patience": 300,
        "workloads": [{
            "workload": {"name": "clustered", "seed": 42, "rows": 500, "dim": 32, "queries": 5},
            "contestants": contestants
        }]
    });
    criteria::keep(&mut criteria, &CHECKS);
    criteria.to_string()
}

/// The directory of a run, and by id the status and the words of each check.
struct Run {
    dir: tempfile::TempDir,
    verdict: Value,
}

impl Run {
    fn new(bundle: &Path, accelerator: &str, python: Option<&Path>) -> Run {
        let dir = bundles::scratch();
        let path = dir.path().join("criteria.json");
        fs::write(&path, short_criteria()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"));
        command.args(["run", "--json", "--once", "--accel", accelerator]);
        command.arg("--bundle").arg(bundle);
        command.arg("--criteria").arg(path);
        command.arg("--out").arg(dir.path().join("out"));
        if let Some(python) = python {
            command.arg("--peers").arg(python);
        }
        let output = command.output().unwrap();
        let verdict = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        Run { dir, verdict }
    }

    #[track_caller]
    fn assert_check(&self, id: &str, status: &str, words: &str) {
        let checks = self.verdict["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == id).unwrap();
        let measured = check["measured"].as_str().unwrap();
        assert!(
            check["status"] == status && measured.contains(words),
            "{check:#}"
        );
    }

    fn read(&self, name: &str) -> Value {
        let path = self.dir.path().join("out/latest").join(name);
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }
}

#[test]
fn every_engine_and_every_place_of_ours_is_measured_in_the_guest() {
    let run = Run::new(bundles::for_peers(), "tcg", Some(python()));
    run.assert_check("peers.guest.measured", "pass", "chromadb");
    for id in &CHECKS[1..] {
        run.assert_check(id, "skipped", "no clock that means anything");
    }

    let step = &run.read("results.json")["guest"]["steps"]["peers"]["outcome"]["data"];
    let comparison: Comparison = serde_json::from_value(step["comparison"].clone()).unwrap();
    for engine in comparison
        .engines
        .iter()
        .filter(|engine| engine.name != OURS)
    {
        assert_eq!(engine.unavailable, None);
        assert_eq!(engine.interfaces, ["lo"], "{}", engine.name);
    }
    let compared = &comparison.workloads[0];
    let answers = |place| -> Vec<_> {
        let all = compared.of(OURS, Some(place));
        all.map(|series| {
            let samples = series.measured.samples().unwrap();
            assert_eq!((samples.samples_ns.len(), &samples.divergence), (2, &None));
            samples.answers_blake3.clone().unwrap()
        })
        .collect()
    };
    let in_process = answers(Place::InProcess);
    assert_eq!(in_process.len(), 2);
    assert_eq!(answers(Place::Fuse), in_process);
    assert_eq!(answers(Place::Kernel), in_process);

    // The very disk that lies there.
    let disks: Vec<_> = fs::read_dir(run.dir.path().join("out/peers-disk"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let disk = fs::read(&disks[0]).unwrap();
    let blake3 = run.read("run.json")["machine"]["guest_peers"]["planned"]["disk_blake3"].clone();
    assert_eq!(
        (disks.len(), blake3),
        (1, json!(blake3::hash(&disk).to_string()))
    );
}

#[test]
fn the_same_files_give_the_same_disk_and_others_another() {
    let dir = bundles::scratch();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("deep")).unwrap();
    fs::write(tree.join("deep/module.py"), "a = 1").unwrap();
    fs::write(tree.join("deep/module.pyc"), [0; 32]).unwrap();
    symlink("deep/module.py", tree.join("link")).unwrap();
    let list = dir.path().join("closure");
    fs::write(&list, format!("{}\n", tree.display())).unwrap();
    let disk = |name: &str| {
        let out = dir.path().join(name);
        let made = Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
            .args(["peers-disk", "--closure"])
            .arg(&list)
            .arg("--out")
            .arg(&out)
            .status()
            .unwrap();
        assert!(made.success());
        fs::read(out).unwrap()
    };
    let first = disk("first");
    // A second later all times that nobody set are others.
    sleep(Duration::from_millis(1100));
    assert!(first == disk("second"), "the two disks differ");
    fs::write(tree.join("deep/module.py"), "a = 2").unwrap();
    assert!(first != disk("third"), "the two disks are the same");
}

#[test]
fn where_instructions_are_counted_and_where_there_are_no_peers_nothing_is_judged() {
    let icount = Run::new(bundles::for_peers(), "icount", Some(python()));
    let none = Run::new(bundles::for_peers(), "tcg", None);
    for id in CHECKS {
        icount.assert_check(id, "skipped", "instructions are no time");
        none.assert_check(id, "skipped", "--peers PYTHON");
    }
}

#[test]
fn a_bundle_without_a_driver_for_the_disk_cannot_run() {
    let run = Run::new(bundles::plain(), "tcg", Some(python()));
    for id in CHECKS {
        run.assert_check(id, "could-not-run", "--role peers");
    }
}
