#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""IVF, PQ and LSH against their counterparts in faiss: same bytes, same core, one thread, one query a call, in alternation.

    cargo build --release
    make target/peers/installed
    target/peers/bin/python benches/kinds_vs_faiss.py --kind ivf|pq|lsh [--workload inherited|clustered] [--rows N]

ivf is compared with IndexIVFFlat, pq with IndexPQFastScan + IndexRefineFlat, lsh with IndexLSH + IndexRefineFlat. Both sides are
swept over what they are built with (PARAMETERS) and how hard they try (EFFORTS); of each side the fastest setting with a
recall@10 of at least --recall is taken. These two are then timed in alternation, pass by pass, after a pass of each that does
not count. Recall is against exact answers over all rows. faiss is called below its Python wrapper; what a call costs on an
index of one row is shown, and the ratio with that cost taken off faiss.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import faiss
import numpy as np

from flat_vs_faiss import VEXFS, Timed, flat, read_fvecs, show
from engines import faiss as engine

K = 10

# What each side is built with; the first of ours are the defaults.
OURS = {
    "ivf": [[], ["--nlist", "100"], ["--nlist", "1000"]],
    "pq": [[], ["--m", "32"], ["--m", "16"]],
    "lsh": [[], ["--tables", "24"], ["--width", "3.5"]],
}
OUR_EFFORTS = {
    "ivf": [1, 2, 3, 4, 8, 16, 32, 48, 64, 80, 96, 128, 160],
    "pq": [10, 20, 30, 50, 70, 100, 150, 200, 400, 800],
    "lsh": [1, 2, 4, 6, 8, 10, 12, 16, 24, 32, 64],
}
THEIRS = {"ivf": [100, 316, 632, 1000], "pq": [16, 32, 64, 128], "lsh": [128, 256, 512, 1024]}
THEIR_EFFORTS = {
    "ivf": OUR_EFFORTS["ivf"],
    "pq": [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48, 64],
    "lsh": [4, 6, 8, 10, 12, 16, 24, 32, 64, 100, 128, 200, 256, 400],
}


class Peer(Timed):
    """An index of faiss whose effort can be set."""

    KINDS = {"ivf": (engine.Ivf, "lists"), "pq": (engine.Pq, "sub-quantizers"), "lsh": (engine.Lsh, "bits")}

    def __init__(self, kind, parameter, vectors, queries):
        index, unit = self.KINDS[kind]
        self.name = f"{parameter} {unit}"
        start = time.monotonic()
        super().__init__(index(len(vectors), vectors.shape[1], K, None, parameter), vectors, queries)
        self.build_seconds = time.monotonic() - start

    def effort(self, effort):
        self.index.set_effort(effort)


class Ours:
    """An index of ours, in the folder of the vectors."""

    def __init__(self, kind, flags, folder):
        self.kind, self.flags, self.folder = kind, flags, folder
        self.name = " ".join(flags) or "defaults"
        self.build_seconds = self.build()

    def build(self):
        command = [VEXFS, "index", "build", f"{self.folder}/vectors.fvecs", "--kind", self.kind, "--threads", "1", "--json"]
        report = subprocess.check_output(command + self.flags, stderr=subprocess.DEVNULL)
        return json.loads(report)["build_ns"] / 1e9

    def passes(self, efforts, runs=1):
        """For each effort the median nanoseconds of a search, and recall."""
        command = [VEXFS, "bench", f"{self.folder}/vectors.fvecs", f"{self.folder}/queries.fvecs", "--kind", self.kind]
        command += ["--k", str(K), "--effort", ",".join(map(str, efforts)), "--warmups", "1", "--runs", str(runs), "--json"]
        for line in subprocess.check_output(command).splitlines():
            report = json.loads(line)
            samples = report["measurement"]["value"]["samples_ns"]
            yield statistics.median(min(times) for times in zip(*samples)), report["recall"]["value"]


def recall(truth, found):
    return sum(len(set(t) & set(f)) for t, f in zip(truth, found)) / truth.size


def best(settings):
    """The fastest of (nanoseconds, recall, …) with enough recall."""
    return min(settings, key=lambda setting: setting[0], default=None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", required=True, choices=list(OURS))
    parser.add_argument("--workload", default="inherited", choices=["inherited", "clustered"])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--recall", type=float, default=0.95)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    kind = arguments.kind

    # Everything on one core, which child processes inherit.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        generate = [VEXFS, "dataset", "generate", "--workload", arguments.workload, "--rows", str(arguments.rows)]
        subprocess.run(generate + ["--out", folder], check=True, stdout=subprocess.DEVNULL)
        vectors, queries = (read_fvecs(f"{folder}/{name}.fvecs") for name in ("vectors", "queries"))
        exact = faiss.IndexFlatL2(vectors.shape[1])
        exact.add(vectors)
        truth = exact.search(queries, K)[1]

        print(f"{kind}: {arguments.workload}, {len(vectors)} x {vectors.shape[1]}, {len(queries)} queries, k = {K}; "
              f"faiss {faiss.__version__}; load {os.getloadavg()[0]:.1f}")
        print(f"{'':8} {'built with':20} {'build s':>8} {'effort':>8} {'recall':>8} {'us':>10}")

        def row(side, index, effort, found, nanoseconds):
            print(f"{side:8} {index.name:20} {index.build_seconds:8.1f} {effort:8} {found:8.3f} {nanoseconds / 1e3:10.1f}")

        enough = []
        for flags in OURS[kind]:
            ours = Ours(kind, flags, folder)
            for effort, (nanoseconds, found) in zip(OUR_EFFORTS[kind], ours.passes(OUR_EFFORTS[kind], runs=3)):
                row("vexfs", ours, effort, found, nanoseconds)
                if found >= arguments.recall:
                    enough.append((nanoseconds, found, effort, ours))
        our_best = best(enough)

        enough = []
        for parameter in THEIRS[kind]:
            peer = Peer(kind, parameter, vectors, queries)
            for effort in THEIR_EFFORTS[kind]:
                if kind == "ivf" and effort > parameter:
                    break
                peer.effort(effort)
                nanoseconds = min(peer.pass_() for _ in range(4))
                found = recall(truth, peer.ids)
                row("faiss", peer, effort, found, nanoseconds)
                if found >= arguments.recall:
                    enough.append((nanoseconds, found, effort, peer))
                    if found > 0.995:
                        break
        their_best = best(enough)
        if not our_best or not their_best:
            raise SystemExit(f"no setting of {'vexfs' if not our_best else 'faiss'} reaches recall {arguments.recall}")

        _, our_recall, our_effort, ours = our_best
        _, their_recall, their_effort, peer = their_best
        ours.build()
        peer.effort(their_effort)
        call = flat(vectors[:1].copy(), queries, 1)
        our_times, their_times, overhead = [], [], []
        for _ in range(arguments.rounds):
            our_times.append(next(ours.passes([our_effort]))[0])
            peer.pass_()
            their_times.append(peer.pass_())
            overhead.append(call.pass_())

    print(f"vexfs: {ours.name}, effort {our_effort}, recall {our_recall:.3f}; "
          f"faiss: {peer.name}, effort {their_effort}, recall {their_recall:.3f}; {arguments.rounds} rounds")
    show("vexfs, median search", [ns / 1e3 for ns in our_times], " us")
    show("faiss, median search", [ns / 1e3 for ns in their_times], " us")
    show("of which calling faiss", [ns / 1e3 for ns in overhead], " us")
    show("vexfs / faiss", [t / o for o, t in zip(our_times, their_times)])
    show("vexfs / faiss without its call", [(t - c) / o for o, t, c in zip(our_times, their_times, overhead)])


if __name__ == "__main__":
    main()
