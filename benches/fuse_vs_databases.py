#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Searches through a FUSE mount of ours against ChromaDB's (persistent client) and Qdrant's engine, both in this process: the
inherited workload, one query a call, one core, in alternation.

    cargo build --release
    python3 -m venv target/databases-venv
    target/databases-venv/bin/pip install --require-hashes -r benches/databases.txt
    target/databases-venv/bin/python benches/fuse_vs_databases.py [--rounds N]        # as root, for the mount

Both databases build HNSW with M = 16 and efConstruction = 200, ours as `vexfs index build` does by default. Each is swept over how hard it
tries; the fastest setting with a recall@10 of at least --recall is then timed in alternation, pass by pass. Of ours that is done for
every kind. Qdrant's exact search stands beside them. Recall is computed here, from the ids that each returns, against exact answers.
What a call costs in Python is in the databases' figures, since nobody can call them without it.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import chromadb
import numpy as np
import qdrant_edge as qdrant

VEXFS = pathlib.Path(__file__).parent.parent / "target/release/vexfs"
K = 10
M, EF_CONSTRUCTION = 16, 200
EF_SEARCH = [32, 64, 96, 128, 160, 200, 256, 320, 400, 512]
# Each takes a build.
CHROMA_EF = [128, 160, 200, 256, 320]
OURS = {
    "flat": [0],
    "hnsw": [128, 160, 200, 256, 320, 400],
    "ivf": [32, 64, 96, 128, 160],
    "pq": [100, 200, 400, 800],
    "lsh": [4, 8, 12, 16, 24, 32],
}


def read_fvecs(path):
    dim = int(np.fromfile(path, "<u4", 1)[0])
    return np.ascontiguousarray(np.fromfile(path, "<f4").reshape(-1, dim + 1)[:, 1:])


class Vexfs:
    """One kind at one effort, through the mount."""

    def __init__(self, mount, kind, effort):
        self.name = f"vexfs {kind} through FUSE, effort {effort}"
        self.command = [VEXFS, "bench", f"{mount}/vectors.fvecs", f"{mount}/queries.fvecs", "--k", str(K), "--kind", kind]
        self.command += ["--effort", str(effort), "--warmups", "1", "--runs", "1", "--json"]

    def pass_(self):
        report = json.loads(subprocess.check_output(self.command))
        measurement = report["measurement"]["value"]
        return measurement["samples_ns"][0], [answer["ids"] for answer in measurement["answers"]]


class Timed:
    """A database at one setting, of which `search` finds ids."""

    def pass_(self):
        samples, ids = [], []
        for query in self.queries:
            start = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            found = self.search(query)
            samples.append(time.clock_gettime_ns(time.CLOCK_MONOTONIC) - start)
            ids.append(found)
        return samples, ids


class ChromaDb(Timed):
    """A collection of its own for each effort: one that is open does not take a new one."""

    def __init__(self, client, vectors, queries, ef):
        self.name = f"ChromaDB HNSW, ef_search {ef}"
        self.queries = queries
        hnsw = {"space": "l2", "max_neighbors": M, "ef_construction": EF_CONSTRUCTION, "ef_search": ef, "num_threads": 1}
        configuration = {"hnsw": hnsw}
        self.collection = client.create_collection(f"ef-{ef}", configuration=configuration, embedding_function=None)
        for begin in range(0, len(vectors), 1000):
            rows = range(begin, min(begin + 1000, len(vectors)))
            self.collection.add(ids=[str(row) for row in rows], embeddings=vectors[rows.start : rows.stop])

    def search(self, query):
        found = self.collection.query(query_embeddings=query[None], n_results=K, include=[])
        return [int(row) for row in found["ids"][0]]


class Qdrant(Timed):
    def __init__(self, shard, queries, ef=None):
        self.name = f"Qdrant HNSW, hnsw_ef {ef}" if ef else "Qdrant exact"
        self.shard = shard
        self.queries = [query.tolist() for query in queries]
        self.params = qdrant.SearchParams(hnsw_ef=ef, exact=ef is None)

    def search(self, query):
        request = qdrant.SearchRequest(query=qdrant.Query.Nearest(query), limit=K, params=self.params)
        return [point.id for point in self.shard.search(request)]


def chromadb_client(folder):
    settings = chromadb.Settings(anonymized_telemetry=False)
    return chromadb.PersistentClient(path=f"{folder}/chromadb", settings=settings)


def qdrant_shard(folder, vectors):
    os.mkdir(f"{folder}/qdrant")
    hnsw = qdrant.HnswIndexConfig(m=M, ef_construct=EF_CONSTRUCTION, full_scan_threshold=1, max_indexing_threads=1)
    config = qdrant.EdgeConfig(
        vectors=qdrant.EdgeVectorParams(size=vectors.shape[1], distance=qdrant.Distance.Euclid),
        hnsw_config=hnsw,
        # Its default builds no graph for a set as small as this.
        optimizers=qdrant.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1),
        max_search_threads=1,
    )
    shard = qdrant.EdgeShard.create(f"{folder}/qdrant", config)
    for begin in range(0, len(vectors), 1000):
        points = [qdrant.Point(begin + i, row.tolist()) for i, row in enumerate(vectors[begin : begin + 1000])]
        shard.update(qdrant.UpdateOperation.upsert_points(points))
    shard.optimize()
    indexed = shard.info().indexed_vectors_count
    if indexed < len(vectors):
        raise SystemExit(f"Qdrant has a graph of {indexed} of {len(vectors)} rows only")
    return shard


def exact(vectors, queries):
    wide = vectors.astype("f8")
    distances = [((wide - query) ** 2).sum(axis=1) for query in queries.astype("f8")]
    return [set(np.argsort(distance, kind="stable")[:K].tolist()) for distance in distances]


def recall(truth, ids):
    return sum(len(best.intersection(found)) for best, found in zip(truth, ids)) / (K * len(truth))


def fastest(engines, truth, floor):
    """Of those that find enough, or of all where none does."""
    tried = []
    for engine in engines:
        samples, ids = min((engine.pass_() for _ in range(2)), key=lambda tried: statistics.median(tried[0]))
        tried.append((engine, statistics.median(samples), recall(truth, ids)))
    good = [one for one in tried if one[2] >= floor]
    if not good:
        best = max(tried, key=lambda one: one[2])
        print(f"{best[0].name}: recall {best[2]:.3f} only, left out")
        return None
    return min(good, key=lambda one: one[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--recall", type=float, default=0.95)
    arguments = parser.parse_args()

    # Everything on one core, which child processes inherit.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        store, mount = f"{folder}/store", f"{folder}/mount"
        os.mkdir(store)
        os.mkdir(mount)
        generate = [VEXFS, "dataset", "generate", "--workload", "inherited", "--out", store]
        subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
        vectors, queries = (read_fvecs(f"{store}/{name}.fvecs") for name in ("vectors", "queries"))
        truth = exact(vectors, queries)
        for kind in OURS:
            if kind != "flat":
                build = [VEXFS, "index", "build", f"{store}/vectors.fvecs", "--kind", kind]
                subprocess.run(build, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client = chromadb_client(folder)
        shard = qdrant_shard(folder, vectors)

        driver = subprocess.Popen([VEXFS, "mount", "--foreground", store, mount], stderr=subprocess.DEVNULL)
        try:
            while not os.path.ismount(mount):
                if driver.poll() is not None:
                    raise SystemExit("vexfs mount ended before it had mounted anything")
                time.sleep(0.05)
            candidates = [[Vexfs(mount, kind, effort) for effort in efforts] for kind, efforts in OURS.items()]
            candidates.append([ChromaDb(client, vectors, queries, ef) for ef in CHROMA_EF])
            candidates.append([Qdrant(shard, queries, ef) for ef in EF_SEARCH])
            candidates.append([Qdrant(shard, queries)])
            chosen = [fastest(engines, truth, arguments.recall) for engines in candidates]
            chosen = [one for one in chosen if one]
            times = {engine.name: [] for engine, _, _ in chosen}
            for _ in range(arguments.rounds):
                for engine, _, _ in chosen:
                    times[engine.name].append(statistics.median(engine.pass_()[0]) / 1e3)
        finally:
            driver.terminate()
            driver.wait()

    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("chromadb", "qdrant-edge-py"))
    print(f"inherited, {len(vectors)} x {vectors.shape[1]}, {len(queries)} queries, k = {K}; {versions}; "
          f"{arguments.rounds} rounds; load {os.getloadavg()[0]:.1f}")
    print(f"{'fastest setting with the recall':45} {'recall@10':>9} {'us a search':>12} {'lowest':>8} {'highest':>8}")
    for engine, _, found in chosen:
        values = times[engine.name]
        print(f"{engine.name:45} {found:9.3f} {statistics.median(values):12.1f} {min(values):8.1f} {max(values):8.1f}")


if __name__ == "__main__":
    main()
