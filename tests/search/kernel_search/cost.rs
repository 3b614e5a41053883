// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions that a search takes in the module's C and in Rust, with AVX2. valgrind counts them, and knows no
//! AVX-512.
//!
//!     cargo test --release --test search -- --ignored --nocapture instructions

use std::path::Path;
use std::process::Command;

use vexfs::anns::distance::Backend;
use vexfs::anns::index::{Bytes, Index, Kind, Parameters, Unobserved, build};
use vexfs::anns::{Metric, flat, hnsw, ivf, lsh, pq};
use vexfs::dataset::Matrix;
use vexfs::dataset::workload::{Name, Workload};

use crate::kernel_search::library::kernels;

const K: usize = 10;
/// The variable with `KIND SIDE FILE`: what a process under valgrind is to do.
const CHILD: &str = "VEXFS_KERNEL_SEARCH_COST";

fn workload() -> (Matrix, Matrix) {
    let workload = Workload {
        name: Name::Clustered,
        seed: 42,
        rows: 20_000,
        dim: 128,
        queries: 40,
    };
    let generated = workload.generate().expect("a workload");
    (generated.vectors, generated.queries)
}

fn parameters(kind: Kind) -> Parameters {
    match kind {
        Kind::Hnsw => Parameters::Hnsw(hnsw::Parameters::default()),
        Kind::Ivf => Parameters::Ivf(ivf::Parameters::default()),
        Kind::Pq => Parameters::Pq(pq::Parameters::default()),
        Kind::Lsh => Parameters::Lsh(lsh::Parameters::default()),
    }
}

#[test]
#[ignore = "needs valgrind and some minutes"]
fn instructions() {
    match std::env::var(CHILD) {
        Ok(what) => search(&what),
        Err(_) => compare(),
    }
}

fn compare() {
    let directory = tempfile::tempdir().expect("a directory");
    let (rows, queries) = workload();
    println!("instructions of one search with AVX2, {rows:?}, k {K}, default parameters");
    println!("{:>6} {:>12} {:>12} {:>6}", "", "Rust", "C", "ratio");
    let mut kinds = vec![None];
    kinds.extend(Kind::ALL.map(Some));
    for kind in kinds {
        let name = kind.map_or("flat".to_owned(), |kind| kind.to_string());
        let path = directory.path().join(&name);
        if let Some(kind) = kind {
            let file = build(&rows, Metric::L2, &parameters(kind), 1, 2, &Unobserved);
            std::fs::write(&path, &file.expect("an index")[..]).expect("the index is written");
        }
        let count = |side| instructions_of(&format!("{name} {side} {}", path.display()));
        let [ours, theirs] = ["rust", "c"].map(|side| count(side) / queries.rows() as u64);
        let ratio = theirs as f64 / ours as f64;
        println!("{name:>6} {ours:>12} {theirs:>12} {ratio:>6.3}");
    }
}

/// Counts the instructions of what is done in `measured`.
fn instructions_of(what: &str) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(["--collect-atstart=no", "--toggle-collect=*measured*"])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", "kernel_search::cost::instructions", "--ignored"])
        .env(CHILD, what)
        .output()
        .expect("valgrind runs");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {log}");
    let (_, collected) = log.split_once("Collected : ").expect("a sum");
    collected
        .split_whitespace()
        .next()
        .and_then(|count| count.parse().ok())
        .expect("a number")
}

fn search(what: &str) {
    let [kind, side, path] = what.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{CHILD}={what}")
    };
    let kind = Kind::ALL.into_iter().find(|of| of.to_string() == kind);
    let (rows, queries) = workload();
    let file = kind.map(|_| std::fs::read(Path::new(path)).expect("the index"));
    // The first search is not measured: it finds no memory of one before.
    if side == "rust" {
        assert_eq!(Backend::best(), Backend::Avx2);
        let index = file
            .zip(kind)
            .map(|(file, kind)| Index::parse(Bytes::copy_of(&file).unwrap(), kind).unwrap());
        let search = |query: &[f32]| match &index {
            Some(index) => index.search(&rows, query, K, 0),
            None => flat::search(&rows, Metric::L2, query, K),
        };
        search(queries.row(0));
        queries.iter().for_each(|query| {
            measured(|| search(query));
        });
    } else {
        let kernel = kernels().last().expect("AVX2");
        assert_eq!(kernel.name, "AVX2");
        let packed = kernel.pack(&rows);
        let index = file
            .zip(kind)
            .map(|(file, kind)| kernel.parse(&file, kind).unwrap());
        let search = |query: &[f32]| match &index {
            Some(index) => index.search(&packed, Metric::L2, query, K, 0),
            None => kernel.flat(&packed, Metric::L2, query, K),
        };
        search(queries.row(0)).unwrap();
        queries.iter().for_each(|query| {
            measured(|| search(query)).unwrap();
        });
    }
}

#[inline(never)]
fn measured<R>(search: impl Fn() -> R) -> R {
    std::hint::black_box(search())
}
