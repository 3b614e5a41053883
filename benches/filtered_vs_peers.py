#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Searches that keep to a filter, by HNSW: beside faiss, hnswlib and Qdrant's engine.

    cargo build --release
    make target/peers/installed
    target/peers/bin/python benches/filtered_vs_peers.py [--rows N] [--shares 0.5 0.1 0.01 0.001] [--rounds N]

A filter has a share of the rows, chosen at random (seed 42). All engines have M 16 and efConstruction 200, and search the same
bytes with one thread on one core, one query a call. Of each, the smallest effort (efSearch) of the list is shown with recall@10
of at least 0.95 among the rows of the filter, or its best recall. faiss has the filter as a bitmap
(IDSelectorBitmap), hnswlib as a function in Python, which it calls for each node that it meets, and Qdrant as a condition on an
indexed number of each point. vexfs is timed in its own process, the others within their Python calls: `call` is what such a call
takes on an index of one row, mostly the wrapper. Times are medians, in microseconds.
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
import hnswlib
import numpy as np
import qdrant_edge as qdrant

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "peers"))
from peer import read_fvecs

VEXFS = ROOT / "target/release/vexfs"
K = 10
GOAL = 0.95
EFFORTS = [10, 16, 32, 64, 128, 256, 512, 1024]


def timed(search, queries):
    """The median of a call in microseconds, and the ids of all."""
    times, ids = [], []
    for query in queries:
        start = time.perf_counter_ns()
        found = search(query)
        times.append(time.perf_counter_ns() - start)
        ids.append(found)
    return statistics.median(times) / 1e3, ids


class Faiss:
    name = "faiss"

    def __init__(self, vectors, numbers):
        self.index = faiss.IndexHNSWFlat(vectors.shape[1], 16)
        self.index.hnsw.efConstruction = 200
        self.index.add(vectors)

    def searcher(self, chosen, limit, effort):
        bitmap = np.packbits(chosen, bitorder="little")
        parameters = faiss.SearchParametersHNSW(sel=faiss.IDSelectorBitmap(bitmap), efSearch=effort)
        return lambda query: self.index.search(query[None], K, params=parameters)[1][0].tolist()


class Hnswlib:
    name = "hnswlib"

    def __init__(self, vectors, numbers):
        self.index = hnswlib.Index("l2", vectors.shape[1])
        self.index.init_index(len(vectors), M=16, ef_construction=200, random_seed=42)
        self.index.add_items(vectors)
        self.index.set_num_threads(1)

    def searcher(self, chosen, limit, effort):
        self.index.set_ef(effort)
        allowed = set(np.flatnonzero(chosen).tolist())
        k = min(K, len(allowed))

        def search(query):
            try:
                return self.index.knn_query(query, k, num_threads=1, filter=allowed.__contains__)[0][0].tolist()
            except RuntimeError:
                # It found fewer than k, and then gives none.
                return []

        return search


class Qdrant:
    name = "Qdrant"

    def __init__(self, vectors, numbers):
        self.folder = tempfile.TemporaryDirectory()
        config = qdrant.EdgeConfig(
            vectors=qdrant.EdgeVectorParams(size=vectors.shape[1], distance=qdrant.Distance.Euclid),
            hnsw_config=qdrant.HnswIndexConfig(m=16, ef_construct=200, full_scan_threshold=1, max_indexing_threads=1),
            optimizers=qdrant.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1),
            max_search_threads=1,
        )
        self.shard = qdrant.EdgeShard.create(self.folder.name, config)
        integer = qdrant.PayloadSchemaType.Integer
        self.shard.update(qdrant.UpdateOperation.create_field_index("number", integer))
        for begin in range(0, len(vectors), 1000):
            rows = range(begin, min(begin + 1000, len(vectors)))
            points = [qdrant.Point(row, vectors[row].tolist(), {"number": int(numbers[row])}) for row in rows]
            self.shard.update(qdrant.UpdateOperation.upsert_points(points))
        self.shard.optimize()

    def searcher(self, chosen, limit, effort):
        condition = qdrant.FieldCondition("number", range=qdrant.RangeFloat(lt=limit))
        shared = {"filter": qdrant.Filter(must=[condition]), "params": qdrant.SearchParams(hnsw_ef=effort), "limit": K}

        def search(query):
            nearest = qdrant.Query.Nearest(query)
            return [point.id for point in self.shard.search(qdrant.SearchRequest(query=nearest, **shared))]

        return search


def recall(truth, found):
    return sum(len(set(t) & set(f)) for t, f in zip(truth, found)) / sum(map(len, truth))


def ours(folder, share, chosen, rounds):
    """Recall and time by effort."""
    np.save(f"{folder}/chosen.npy", chosen)
    command = [VEXFS, "bench", f"{folder}/vectors.fvecs", f"{folder}/queries.fvecs", "--kind", "hnsw", "--k", str(K)]
    command += ["--effort", ",".join(map(str, EFFORTS)), "--warmups", "1", "--runs", str(rounds), "--json"]
    output = subprocess.check_output(command + ["--filter", f"{folder}/chosen.npy"], text=True)
    for report in map(json.loads, output.splitlines()):
        yield report["effort"], report["recall"]["value"], report["summary"]["value"]["latency_ns"]["p50"] / 1e3


def theirs(engine, queries, truth, chosen, limit, rounds):
    prepared = [query.tolist() for query in queries] if engine.name == "Qdrant" else list(queries)
    for effort in EFFORTS:
        search = engine.searcher(chosen, limit, effort)
        passes = [timed(search, prepared) for _ in range(rounds + 1)][1:]
        share = recall(truth, passes[0][1])
        yield effort, share, statistics.median(time for time, _ in passes)
        if share >= GOAL:
            break


def best(measured):
    measured = list(measured)
    enough = [m for m in measured if m[1] >= GOAL]
    return enough[0] if enough else max(measured, key=lambda m: m[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--shares", type=float, nargs="+", default=[1, 0.5, 0.1, 0.01, 0.001])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])

    with tempfile.TemporaryDirectory() as folder:
        run = lambda *command: subprocess.run([VEXFS, *command], check=True, capture_output=True)
        run("dataset", "generate", "--workload", "clustered", "--rows", str(arguments.rows), "--queries",
            str(arguments.queries), "--out", folder)
        run("index", "build", f"{folder}/vectors.fvecs", "--kind", "hnsw", "--seed", "1")
        vectors, queries = (read_fvecs(f"{folder}/{name}.fvecs") for name in ("vectors", "queries"))
        numbers = np.array(random.Random(42).sample(range(len(vectors)), len(vectors)))
        engines = [engine(vectors, numbers) for engine in (Faiss, Hnswlib, Qdrant)]
        one = [engine(vectors[:1].copy(), numbers[:1] * 0) for engine in (Faiss, Hnswlib, Qdrant)]

        print(f"clustered, {len(vectors)} x {vectors.shape[1]}, {len(queries)} queries, k = {K}\n")
        print("| share | engine | efSearch | recall@10 | µs | call |\n|---|---|---|---|---|---|")
        for share in arguments.shares:
            limit = int(share * len(vectors))
            chosen = numbers < limit
            rows = np.flatnonzero(chosen)
            exact = faiss.IndexFlatL2(vectors.shape[1])
            exact.add(vectors[rows])
            truth = [[int(rows[i]) for i in found if i >= 0] for found in exact.search(queries, K)[1]]
            effort, reached, us = best(ours(folder, share, chosen, arguments.rounds))
            print(f"| {share:g} | vexfs | {effort} | {reached:.3f} | {us:.1f} | |", flush=True)
            for engine, single in zip(engines, one):
                call = single.searcher(np.ones(1, bool), 1, 10)
                overhead, _ = timed(call, [queries[0].tolist() if engine.name == "Qdrant" else queries[0]] * 100)
                effort, reached, us = best(theirs(engine, queries, truth, chosen, limit, arguments.rounds))
                print(f"| {share:g} | {engine.name} | {effort} | {reached:.3f} | {us:.1f} | {overhead:.1f} |", flush=True)


if __name__ == "__main__":
    main()
