#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Microseconds of a search at recall@10 of .90, .95 and .99, beside the strongest engines that are published as packages.

    cargo build --release
    python3 -m venv target/best
    target/best/bin/pip install numpy rabitqlib==0.7.1 scalable-vs==0.5.0 scann==1.4.2
    target/best/bin/python benches/graphs_vs_best.py [--rows N] [--engine NAME …] [SET …]

SymphonyQG and IVF with RaBitQ come from rabitqlib, Vamana with LVQ from SVS (scalable-vs). All run on one core with one thread.
Peers get all queries in one call, which costs them the least; vexfs is timed inside its own process, a query a call. Each engine
is swept over its efforts, the passes over all engines take turns, and the best pass of a setting counts. The table has the time
at which a line between the two settings around a recall reaches it, or the first setting's where that reaches it already, or
a dash where none does. A hit counts if its row is among the 10 exact ones.

No set is shipped: `manifold` bends 8 dimensions into 96, `sentences` has the falling spectrum and the loose topics of sentence
embeddings, `bytes` has small counts with a tail like those of SIFT.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).parent.parent
VEXFS = ROOT / "target/release/vexfs"
K = 10
RECALLS = [0.90, 0.95, 0.99]
EFFORTS = [10, 12, 14, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384]
PROBES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128]


def clustered(rng, rows):
    centres = rng.standard_normal((rows // 100, 128))
    return centres[rng.integers(0, len(centres), rows)] + 0.3 * rng.standard_normal((rows, 128))


def manifold(rng, rows):
    x = rng.standard_normal((rows, 8))
    bent = np.sin(x @ rng.standard_normal((8, 96)) + rng.uniform(0, 6, 96))
    return bent + 0.05 * rng.standard_normal((rows, 96))


def sentences(rng, rows):
    spectrum = np.arange(1, 385) ** -0.5
    topics = rng.standard_normal((rows // 200, 384)) * spectrum
    x = topics[rng.integers(0, len(topics), rows)] + rng.standard_normal((rows, 384)) * spectrum
    turned = x @ np.linalg.qr(rng.standard_normal((384, 384)))[0]
    return turned / np.linalg.norm(turned, axis=1, keepdims=True)


def sift_like(rng, rows):
    means = rng.gamma(0.7, 30, (rows // 200, 128))
    x = means[rng.integers(0, len(means), rows)] * rng.gamma(2, 0.5, (rows, 128))
    return np.minimum(np.rint(x), 218)


# On rows of length 1 cosine and L2 order alike, so every engine is asked for L2.
SETS = {"clustered": clustered, "manifold": manifold, "sentences": sentences, "bytes": sift_like}


def write(path, matrix):
    records = np.empty((len(matrix), matrix.shape[1] + 1), "<f4")
    records[:, 0] = np.array([matrix.shape[1]], "<i4").view("<f4")
    records[:, 1:] = matrix
    records.tofile(path)


class Vexfs:
    settings = EFFORTS

    def __init__(self, folder, rows, queries):
        self.files = [f"{folder}/rows.fvecs", f"{folder}/queries.fvecs"]
        command = [VEXFS, "index", "build", self.files[0], "--kind", "hnsw", "--threads", "1"]
        subprocess.run(command, check=True, capture_output=True)

    def search(self, effort):
        command = [VEXFS, "bench", *self.files, "--kind", "hnsw", "--effort", str(effort)]
        command += ["--k", str(K), "--warmups", "1", "--runs", "1", "--json"]
        report = json.loads(subprocess.check_output(command))
        ids = [answer["ids"] for answer in report["measurement"]["value"]["answers"]]
        return report["summary"]["value"]["latency_ns"]["mean"] / 1000, ids


class Peer:
    """An engine in this process, timed over a call with all queries."""

    def __init__(self, _folder, rows, queries):
        self.queries = queries
        self.build(rows)

    def search(self, setting):
        call = self.prepare(setting)
        call()
        start = time.perf_counter()
        ids = call()
        return (time.perf_counter() - start) * 1e6 / len(self.queries), ids


class SymphonyQG(Peer):
    settings = EFFORTS

    def build(self, rows):
        import rabitqlib

        self.index = rabitqlib.SymqgIndex(rows.shape[1], 32)
        self.index.build(rows, 200, 1)

    def prepare(self, effort):
        return lambda: self.index.search_batch(self.queries, K, effort, 1)[0]


class RabitqIvf(Peer):
    settings = PROBES

    def build(self, rows):
        import rabitqlib

        lists = 4 * int(len(rows) ** 0.5)
        means = rabitqlib.RaBitQKMeans(rows.shape[1], lists, num_threads=1)
        means.train(rows)
        self.index = rabitqlib.IvfIndex(rows.shape[1], len(rows), lists, 7)
        self.index.build(rows, means.centroids, means.assignments, 1)

    def prepare(self, probes):
        return lambda: self.index.search(self.queries, K, probes, None, 1)[0]


class SvsLvq(Peer):
    settings = EFFORTS

    def build(self, rows):
        import svs

        parameters = svs.VamanaBuildParameters(graph_max_degree=64, window_size=128)
        with tempfile.TemporaryDirectory() as folder:
            plain = svs.Vamana.build(parameters, rows, svs.DistanceType.L2, num_threads=1)
            names = [f"{folder}/{part}" for part in ("config", "graph", "data")]
            plain.save(*names)
            data = svs.VectorDataLoader(names[2], svs.DataType.float32, dims=rows.shape[1])
            codes = svs.LVQLoader(data, primary=4, residual=8, strategy=svs.LVQStrategy.Turbo, padding=32)
            self.index = svs.Vamana(names[0], svs.GraphLoader(names[1]), codes, svs.DistanceType.L2, num_threads=1)

    def prepare(self, window):
        self.index.search_window_size = window
        return lambda: self.index.search(self.queries, K)[0]


class Scann(Peer):
    settings = PROBES

    def build(self, rows):
        import scann

        leaves = int(len(rows) ** 0.5)
        builder = scann.scann_ops_pybind.builder(rows, K, "squared_l2")
        builder = builder.tree(num_leaves=leaves, num_leaves_to_search=8, training_sample_size=len(rows))
        self.index = builder.score_ah(2).reorder(100).set_n_training_threads(1).build()

    def prepare(self, leaves):
        return lambda: self.index.search_batched(self.queries, leaves_to_search=leaves)[0]


ENGINES = {
    "vexfs": Vexfs,
    "SymphonyQG": SymphonyQG,
    "RaBitQ IVF": RabitqIvf,
    "SVS LVQ4x8": SvsLvq,
    "ScaNN": Scann,
}


def exact(rows, queries):
    squares = (rows.astype(np.float64) ** 2).sum(1)
    far = squares - 2 * queries.astype(np.float64) @ rows.T.astype(np.float64)
    return np.argpartition(far, K, axis=1)[:, :K]


def recall(truth, ids):
    found = (len(set(map(int, a)) & set(map(int, b))) for a, b in zip(truth, ids))
    return sum(found) / K / len(truth)


def at(points, wanted):
    """The time at which a recall is reached, between settings."""
    best = []
    for found, micros in sorted(points):
        # A setting that another one beats in both says nothing.
        while best and best[-1][1] >= micros:
            best.pop()
        best.append((found, micros))
    for i, (found, micros) in enumerate(best):
        if found >= wanted:
            if i == 0:
                return micros
            below, less = best[i - 1]
            return less + (micros - less) * (wanted - below) / (found - below)
    return None


def measure(name, rows, queries, chosen, rounds):
    truth = exact(rows, queries)
    with tempfile.TemporaryDirectory() as folder:
        write(f"{folder}/rows.fvecs", rows)
        write(f"{folder}/queries.fvecs", queries)
        engines, builds = {}, {}
        for engine in chosen:
            start = time.perf_counter()
            engines[engine] = ENGINES[engine](folder, rows, queries)
            builds[engine] = time.perf_counter() - start
            print(f"{name}: {engine} built in {builds[engine]:.1f} s", file=sys.stderr, flush=True)
        points = {engine: {} for engine in chosen}
        for _ in range(rounds):
            for engine, index in engines.items():
                for setting in index.settings:
                    micros, ids = index.search(setting)
                    before = points[engine].get(setting, (0, float("inf")))[1]
                    points[engine][setting] = recall(truth, ids), min(micros, before)
    shape = f"{name}, {len(rows):,} x {rows.shape[1]}"
    for engine in chosen:
        times = [at(points[engine].values(), wanted) for wanted in RECALLS]
        shown = " / ".join("-" if micros is None else f"{micros:.1f}" for micros in times)
        print(f"| {shape} | {engine} | {shown} | {builds[engine]:.1f} s |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", action="append", choices=list(ENGINES), help="one of them; may be repeated [default: all]")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"{', '.join(SETS)} [default: all]")
    arguments = parser.parse_args()
    unknown = set(arguments.sets) - set(SETS)
    if unknown:
        parser.error(f"there is no set {', '.join(sorted(unknown))}; there are {', '.join(SETS)}")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"| data | engine | µs at recall {' / '.join(f'{wanted:.2f}' for wanted in RECALLS)} | build |\n|---|---|---|---|", flush=True)
    for name in arguments.sets or SETS:
        rng = np.random.default_rng(7)
        data = rng.permutation(SETS[name](rng, arguments.rows + arguments.queries)).astype(np.float32)
        rows, queries = (np.ascontiguousarray(part) for part in np.split(data, [arguments.rows]))
        measure(name, rows, queries, arguments.engine or list(ENGINES), arguments.rounds)


main()
