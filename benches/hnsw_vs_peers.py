#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""HNSW against hnswlib, faiss IndexHNSWFlat and usearch: same bytes, same M and efConstruction, same core, one thread, one
query a call, in alternation.

    cargo build --release
    make target/peers/installed
    target/peers/bin/python benches/hnsw_vs_peers.py [--workload clustered|inherited] [--rows N] [--peers ...]

Each engine builds its index with one thread on one core, then with two on two. The index of the first build is searched:
each round is a pass over all queries for each engine and effort (efSearch), after a pass that does not count; vexfs is timed
inside its own process. Recall is against exact answers. What a call of a peer costs on an index of one row, mostly its
Python wrapper, is shown, and also its figures with that cost taken off.
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import faiss

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "peers"))
from peer import clock, read_fvecs, timed_pass

VEXFS = ROOT / "target/release/vexfs"
PEERS = ["hnswlib", "faiss", "usearch"]
K = 10
GOAL = 0.95


def high_water(pid):
    """The most memory that a process has had so far, in KiB."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


class Vexfs:
    name = "vexfs"
    call_ns = 0

    def __init__(self, folder, arguments):
        self.vectors, self.queries = (f"{folder}/{name}.fvecs" for name in ("vectors", "queries"))
        self.parameters = ["--m", str(arguments.m), "--ef-construction", str(arguments.ef_construction)]

    def build(self, threads):
        command = [VEXFS, "index", "build", self.vectors, "--kind", "hnsw", "--threads", str(threads), "--json"]
        with subprocess.Popen(command + self.parameters, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            # ru_maxrss would not do: it counts what this process had when it began the other.
            self.peak = 0
            while child.poll() is None:
                self.peak = max(self.peak, high_water(child.pid))
                time.sleep(0.01)
            report = json.load(child.stdout)
        assert child.returncode == 0, f"vexfs index build ended with {child.returncode}"
        self.bytes, self.blake3 = report["bytes"], report["blake3"]
        return report["build_ns"]

    def passes(self, efforts):
        command = [VEXFS, "bench", self.vectors, self.queries, "--kind", "hnsw", "--k", str(K)]
        command += ["--effort", ",".join(map(str, efforts)), "--warmups", "1", "--runs", "1", "--json"]
        for line in subprocess.check_output(command, text=True).splitlines():
            report = json.loads(line)
            measurement = report["measurement"]["value"]
            yield measurement["samples_ns"][0], [answer["ids"] for answer in measurement["answers"]]


class Peer:
    """An engine in this process."""

    def __init__(self, name, vectors, queries, arguments):
        self.name = name
        self.vectors, self.queries, self.arguments = vectors, queries, arguments

    def build(self, threads):
        kind = importlib.import_module(f"engines.{self.name}").KINDS["hnsw"]
        m, ef_construction = self.arguments.m, self.arguments.ef_construction
        self.index = kind(len(self.vectors), self.vectors.shape[1], K, None, threads, m, ef_construction)
        start = clock()
        self.index.add(self.vectors)
        return clock() - start

    def passes(self, efforts):
        prepared = [self.index.prepare(query) for query in self.queries]
        for effort in efforts:
            self.index.set_effort(effort)
            for _ in range(2):
                samples, ids = timed_pass(self.index, prepared)
            yield samples, ids

    def measure_call(self):
        """What a call costs on an index of one row."""
        other = Peer(self.name, self.vectors[:1].copy(), self.queries, self.arguments)
        other.build(1)
        samples, _ = list(other.passes([1, 1]))[1]
        self.call_ns = statistics.median(samples)


def recall(truth, found):
    return sum(len(set(t) & set(f)) for t, f in zip(truth, found)) / (K * len(truth))


def interval(values):
    """95 % bootstrap interval of the median; seeded."""
    choose = random.Random(42).choices
    medians = sorted(statistics.median(choose(values, k=len(values))) for _ in range(10_000))
    return medians[249], medians[9749]


def run_on(cores):
    os.sched_setaffinity(0, sorted(CORES)[-cores:])


CORES = os.sched_getaffinity(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", default="clustered", choices=["inherited", "clustered"])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--m", type=int, default=16)
    parser.add_argument("--ef-construction", type=int, default=200)
    parser.add_argument("--efforts", default="10,11,12,13,14,15,16,20,24,32,48,64,128",
                        help="efSearch, ascending, separated by commas")
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2], help="of the builds")
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    efforts = [int(effort) for effort in arguments.efforts.split(",")]

    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [VEXFS, "dataset", "generate", "--workload", arguments.workload, "--rows", str(arguments.rows),
             "--queries", str(arguments.queries), "--out", folder],
            check=True, stdout=subprocess.DEVNULL,
        )
        vectors, queries = (read_fvecs(f"{folder}/{name}.fvecs") for name in ("vectors", "queries"))
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("hnswlib", "faiss-cpu", "usearch"))
        print(f"{arguments.workload}, {len(vectors)} x {vectors.shape[1]}, {len(queries)} queries, k = {K}, "
              f"M = {arguments.m}, efConstruction = {arguments.ef_construction}; {versions}; "
              f"load {os.getloadavg()[0]:.1f}", flush=True)

        ours = Vexfs(folder, arguments)
        engines = [ours] + [Peer(name, vectors, queries, arguments) for name in arguments.peers]
        for threads in sorted(arguments.threads, reverse=True):
            run_on(threads)
            for engine in engines:
                built = engine.build(threads)
                print(f"build with {threads} thread(s)  {engine.name:8} {built / 1e9:8.2f} s "
                      f"{len(vectors) / built * 1e9:9.0f} rows/s", flush=True)
            print(f"    vexfs: index of {ours.bytes / 2**20:.0f} MiB, BLAKE3 {ours.blake3[:16]}, "
                  f"peak {ours.peak / 2**10:.0f} MiB")

        run_on(1)
        exact = faiss.IndexFlatL2(vectors.shape[1])
        faiss.omp_set_num_threads(1)
        exact.add(vectors)
        truth = exact.search(queries, K)[1].tolist()
        del exact
        for engine in engines[1:]:
            engine.measure_call()

        times = {engine.name: {effort: [] for effort in efforts} for engine in engines}
        recalls = {engine.name: {} for engine in engines}
        for _ in range(arguments.rounds):
            for engine in engines:
                for effort, (samples, ids) in zip(efforts, engine.passes(efforts)):
                    times[engine.name][effort].append(statistics.mean(samples))
                    recalls[engine.name][effort] = recall(truth, ids)

    print(f"\n{'':8} {'efSearch':>8} {'recall@10':>10} {'us':>9} {'searches/s':>11} {'without the call':>17}")
    for engine in engines:
        for effort in efforts:
            ns = statistics.median(times[engine.name][effort])
            print(f"{engine.name:8} {effort:8} {recalls[engine.name][effort]:10.4f} {ns / 1e3:9.2f} {1e9 / ns:11.0f} "
                  f"{1e9 / (ns - engine.call_ns):17.0f}")

    print(f"\nAt the smallest efSearch with recall@10 >= {GOAL}, {arguments.rounds} rounds:")
    reached = {}
    for engine in engines:
        effort = next((effort for effort in efforts if recalls[engine.name][effort] >= GOAL), None)
        if effort is None:
            print(f"{engine.name:8} does not reach it")
            continue
        reached[engine.name] = [ns - engine.call_ns for ns in times[engine.name][effort]]
        ns = statistics.median(times[engine.name][effort])
        print(f"{engine.name:8} efSearch {effort:4}, recall@10 {recalls[engine.name][effort]:.4f}: "
              f"{1e9 / ns:.0f} searches/s ({1e9 / (ns - engine.call_ns):.0f} without the call)")
    if "vexfs" in reached:
        for engine in engines[1:]:
            if engine.name in reached:
                ratios = [theirs / our for our, theirs in zip(reached["vexfs"], reached[engine.name])]
                low, high = interval(ratios)
                print(f"vexfs / {engine.name} without its call: {statistics.median(ratios):.2f} "
                      f"(95 %: {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
