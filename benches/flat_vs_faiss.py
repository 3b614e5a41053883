#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Flat search against faiss IndexFlatL2: same bytes, same core, one thread, one query a call, in alternation.

    cargo build --release
    make target/peers/installed
    target/peers/bin/python benches/flat_vs_faiss.py [--workload inherited|clustered] [--rows N] [--rounds N]

Each round times a pass of `vexfs bench` (inside its process: start-up does not count) and a pass of faiss, after a pass of
each that does not count. faiss is called below its Python wrapper; what a call costs on an index of one row is shown,
and also the ratio with that cost taken off faiss. What a plain read of the same bytes reaches (NumPy's maximum of all elements) stands
beside the bytes that a search reads a second.
"""

import argparse
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
import numpy as np

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "peers"))
from engines.faiss import Flat
from peer import read_fvecs, timed_pass

VEXFS = ROOT / "target/release/vexfs"


class Timed:
    """An index of a peer, asked for all queries."""

    def __init__(self, index, vectors, queries):
        self.index = index
        index.add(vectors)
        self.prepared = [index.prepare(query) for query in queries]

    def pass_(self):
        """Median nanoseconds of a search."""
        samples, ids = timed_pass(self.index, self.prepared)
        self.ids = np.array(ids)
        return statistics.median(samples)


def flat(vectors, queries, k):
    return Timed(Flat(len(vectors), vectors.shape[1], k, None), vectors, queries)


def vexfs_pass(folder, k):
    """Median nanoseconds of a search, the ids found, and the code that computed the distances."""
    command = [VEXFS, "bench", f"{folder}/vectors.fvecs", f"{folder}/queries.fvecs", "--k", str(k)]
    report = json.loads(subprocess.check_output(command + ["--warmups", "1", "--runs", "1", "--json"]))
    measurement = report["measurement"]["value"]
    ids = np.array([answer["ids"] for answer in measurement["answers"]])
    return statistics.median(measurement["samples_ns"][0]), ids, report["distance_code"]


def read_pass(vectors):
    """Nanoseconds of a read of all elements, the median of five."""
    samples = []
    for _ in range(5):
        start = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        vectors.max()
        samples.append(time.clock_gettime_ns(time.CLOCK_MONOTONIC) - start)
    return statistics.median(samples)


def interval(values):
    """95 % bootstrap interval of the median; seeded."""
    choose = random.Random(42).choices
    medians = sorted(statistics.median(choose(values, k=len(values))) for _ in range(10_000))
    return medians[249], medians[9749]


def show(name, values, unit=""):
    low, high = interval(values)
    print(f"{name:34} {statistics.median(values):10.2f}{unit}   (95 %: {low:.2f} to {high:.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", default="inherited", choices=["inherited", "clustered"])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    k = 10

    # Everything on one core, which child processes inherit.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        generate = [VEXFS, "dataset", "generate", "--workload", arguments.workload, "--rows", str(arguments.rows)]
        subprocess.run(generate + ["--out", folder], check=True, stdout=subprocess.DEVNULL)
        vectors, queries = (read_fvecs(f"{folder}/{name}.fvecs") for name in ("vectors", "queries"))
        peer = flat(vectors, queries, k)
        call = flat(vectors[:1].copy(), queries, 1)
        call.pass_()

        ours, theirs, overhead, reads = [], [], [], []
        for _ in range(arguments.rounds):
            nanoseconds, ids, code = vexfs_pass(folder, k)
            ours.append(nanoseconds)
            peer.pass_()
            theirs.append(peer.pass_())
            overhead.append(call.pass_())
            reads.append(read_pass(vectors))

    same = int((ids == peer.ids).all(axis=1).sum())
    print(f"{arguments.workload}, {len(vectors)} x {vectors.shape[1]}, {len(queries)} queries, k = {k}, "
          f"{arguments.rounds} rounds; vexfs uses {code}, faiss {faiss.__version__}; load {os.getloadavg()[0]:.1f}")
    print(f"queries with the same ids in the same order: {same} of {len(queries)}")
    show("vexfs, median search", [ns / 1e3 for ns in ours], " us")
    show("faiss, median search", [ns / 1e3 for ns in theirs], " us")
    show("of which calling faiss", [ns / 1e3 for ns in overhead], " us")
    show("vexfs, searches per second", [1e9 / ns for ns in ours])
    show("faiss, searches per second", [1e9 / ns for ns in theirs])
    show("vexfs / faiss", [their / our for our, their in zip(ours, theirs)])
    show("vexfs, read of rows", [vectors.nbytes / ns for ns in ours], " GB/s")
    show("a plain read of them", [vectors.nbytes / ns for ns in reads], " GB/s")
    show("vexfs / faiss without its call", [(t - c) / o for o, t, c in zip(ours, theirs, overhead)])


if __name__ == "__main__":
    main()
