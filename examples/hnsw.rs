// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scratch: measures HNSW in process.
use std::time::Instant;
use vexfs::anns::index::{self, Index, Kind, Parameters, Unobserved};
use vexfs::anns::{Hit, Metric, flat, hnsw, recall};
use vexfs::dataset::workload::{Name, Workload};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let get = |name: &str, default: usize| {
        args.iter()
            .position(|a| a == name)
            .map_or(default, |i| args[i + 1].parse().unwrap())
    };
    let inherited = args.iter().any(|a| a == "--inherited");
    let mut workload = Workload::new(if inherited {
        Name::Inherited
    } else {
        Name::Clustered
    });
    workload.rows = get("--rows", 100_000);
    workload.queries = get("--queries", 1000);
    let w = workload.generate().unwrap();
    let cache = format!("/tmp/anns-bench-{inherited}-{}.hnsw", workload.rows);
    let bytes = if args.iter().any(|a| a == "--cached") {
        index::Bytes::copy_of(&std::fs::read(&cache).unwrap()).unwrap()
    } else {
        let mut p = hnsw::Parameters::default();
        p.m = get("--m", 16);
        p.ef_construction = get("--efc", 200);
        let start = Instant::now();
        let b = index::build(
            &w.vectors,
            Metric::L2,
            &Parameters::Hnsw(p),
            42,
            get("--threads", 1),
            &Unobserved,
        )
        .unwrap();
        println!(
            "build {:.2} s, blake3 {}",
            start.elapsed().as_secs_f64(),
            blake3::hash(&b)
        );
        std::fs::write(&cache, &b[..]).unwrap();
        b
    };
    let start = Instant::now();
    let index = Index::parse(bytes, Kind::Hnsw).unwrap();
    println!("parse {:.3} s", start.elapsed().as_secs_f64());
    let truth_path = format!(
        "/tmp/anns-truth-{inherited}-{}-{}.bin",
        workload.rows, workload.queries
    );
    let truth: Vec<Vec<Hit>> = match std::fs::read(&truth_path) {
        Ok(b) => bytemuck::pod_collect_to_vec::<u8, Hit>(&b)
            .chunks(10)
            .map(|c| c.to_vec())
            .collect(),
        Err(_) => {
            let t: Vec<Vec<Hit>> = w
                .queries
                .iter()
                .map(|q| flat::search(&w.vectors, Metric::L2, q, 10).hits)
                .collect();
            std::fs::write(&truth_path, bytemuck::cast_slice(&t.concat())).unwrap();
            t
        }
    };
    let runs = get("--runs", 5);
    let efs: Vec<u32> = match get("--ef", 0) {
        0 => vec![10, 16, 20, 24, 32, 40, 48, 64, 96, 128, 200, 400, 1000],
        e => vec![e as u32],
    };
    for ef in efs {
        let mut best = f64::INFINITY;
        let mut total = 0.0;
        for run in 0..runs {
            let start = Instant::now();
            let answers: Vec<_> = w
                .queries
                .iter()
                .map(|q| index.search(&w.vectors, q, 10, ef))
                .collect();
            best = best.min(start.elapsed().as_secs_f64());
            if run == 0 {
                total = answers
                    .iter()
                    .zip(&truth)
                    .map(|(a, t)| recall::by_row(t, &a.hits))
                    .sum();
            }
        }
        let n = w.queries.rows() as f64;
        println!(
            "ef {ef:5} recall {:.4} {:9.0}/s {:8.2} us",
            total / n,
            n / best,
            best / n * 1e6
        );
    }
}
