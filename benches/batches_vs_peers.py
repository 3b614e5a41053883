#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Many queries in one call, by HNSW: through FUSE and in process, beside faiss and hnswlib.

    cargo build --release
    make target/peers/installed
    target/peers/bin/python benches/batches_vs_peers.py [--rows N] [--batches 1 4 31] [--threads 1 2] [--rounds N]

All engines have M 16 and efConstruction 200, and search the same bytes: each by the smallest efSearch of the list with recall@10
of at least 0.95. vexfs is timed in its own process, `vexfs bench --batch N --threads T`; each of its threads has a share of the
queries. The others are timed within their Python calls, which get N queries and use T threads. Shown are searches a second, the
median of the rounds, in each of which all engines have their turn. Mounting takes root or fusermount3.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import faiss
import hnswlib

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "peers"))
from peer import read_fvecs

VEXFS = ROOT / "target/release/vexfs"
K = 10
GOAL = 0.95
EFFORTS = [10, 12, 14, 16, 20, 24, 32, 48, 64, 128]


class Vexfs:
    def __init__(self, name, vectors, queries):
        self.name, self.files = name, [vectors, queries]

    def bench(self, effort, batch, threads):
        command = [VEXFS, "bench", *self.files, "--kind", "hnsw", "--k", str(K), "--effort", str(effort)]
        command += ["--batch", str(batch), "--threads", str(threads), "--warmups", "1", "--runs", "1", "--json"]
        return json.loads(subprocess.check_output(command, text=True))

    def recall(self, effort):
        return self.bench(effort, 1, 1)["recall"]["value"]

    def searches_per_second(self, effort, batch, threads):
        return self.bench(effort, batch, threads)["summary"]["value"]["searches_per_second"]


class Peer:
    def __init__(self, name, vectors, queries, truth):
        self.name, self.queries, self.truth = name, queries, truth
        if name == "faiss":
            self.index = faiss.IndexHNSWFlat(vectors.shape[1], 16)
            self.index.hnsw.efConstruction = 200
            self.index.add(vectors)
        else:
            self.index = hnswlib.Index("l2", vectors.shape[1])
            self.index.init_index(len(vectors), M=16, ef_construction=200, random_seed=42)
            self.index.add_items(vectors)

    def search(self, queries, effort, threads):
        if self.name == "faiss":
            faiss.omp_set_num_threads(threads)
            return self.index.search(queries, K, params=faiss.SearchParametersHNSW(efSearch=effort))[1]
        self.index.set_ef(effort)
        return self.index.knn_query(queries, K, num_threads=threads)[0]

    def recall(self, effort):
        found = self.search(self.queries, effort, 1)
        return sum(len(set(t) & set(f)) for t, f in zip(self.truth, found)) / self.truth.size

    def searches_per_second(self, effort, batch, threads):
        for timed in False, True:
            start = time.perf_counter()
            for first in range(0, len(self.queries), batch):
                self.search(self.queries[first : first + batch], effort, threads)
        return len(self.queries) / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 31])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        store, mount = (pathlib.Path(folder) / name for name in ("store", "mount"))
        store.mkdir()
        mount.mkdir()
        run = lambda *command: subprocess.run(command, check=True, capture_output=True)
        run(VEXFS, "dataset", "generate", "--workload", "clustered", "--rows", str(arguments.rows), "--queries",
            str(arguments.queries), "--out", store)
        run(VEXFS, "index", "build", store / "vectors.fvecs", "--kind", "hnsw", "--seed", "1")
        vectors, queries = (read_fvecs(store / f"{name}.fvecs") for name in ("vectors", "queries"))
        exact = faiss.IndexFlatL2(vectors.shape[1])
        exact.add(vectors)
        truth = exact.search(queries, K)[1]
        run(VEXFS, "mount", "--background", store, mount)
        try:
            engines = [
                Vexfs("vexfs, FUSE", mount / "vectors.fvecs", store / "queries.fvecs"),
                Vexfs("vexfs, in process", store / "vectors.fvecs", store / "queries.fvecs"),
                *(Peer(name, vectors, queries, truth) for name in ("faiss", "hnswlib")),
            ]
            efforts = {e.name: next(effort for effort in EFFORTS if e.recall(effort) >= GOAL) for e in engines}
            print(f"clustered, {len(vectors)} x {vectors.shape[1]}, {len(queries)} queries, k = {K}; searches/s\n")
            print(f"| threads | queries in a call | {' | '.join(f'{e.name} ({efforts[e.name]})' for e in engines)} |")
            print(f"|{'---|' * (len(engines) + 2)}")
            for threads in arguments.threads:
                for batch in arguments.batches:
                    rounds = [
                        [e.searches_per_second(efforts[e.name], batch, threads) for e in engines]
                        for _ in range(arguments.rounds)
                    ]
                    medians = " | ".join(f"{statistics.median(of):,.0f}" for of in zip(*rounds))
                    print(f"| {threads} | {batch} | {medians} |", flush=True)
        finally:
            run("umount", mount)


if __name__ == "__main__":
    main()
