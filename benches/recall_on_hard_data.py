#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""recall@10 on data that is hard for codes or for graphs, with the defaults of each engine, beside hnswlib and faiss.

    cargo build --release
    make target/peers/installed
    target/peers/bin/python benches/recall_on_hard_data.py [NAME …]

VexFS's indexes choose their effort themselves (docs/search.md); it stands in brackets. hnswlib has M 16, efConstruction 200
and ef 64, faiss IVF 2 sqrt(rows) lists and nprobe 8. A hit counts if it is no further than the 10th exact one, by distances in
double precision, so that equal rows count alike. Queries are no rows, and of the rows' distribution.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import faiss
import hnswlib
import numpy as np

ROOT = pathlib.Path(__file__).parent.parent
VEXFS = ROOT / "target/release/vexfs"
K = 10
QUERIES = 100


def normals(rng, rows, dim):
    return rng.standard_normal((rows, dim))


def clusters(rng, rows, dim):
    centres = 4 * normals(rng, 50, dim)
    return centres[rng.integers(0, 50, rows)] + normals(rng, rows, dim)


def scaled(rng, rows, dim, sigma):
    directions = normals(rng, rows, dim)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions * rng.lognormal(0, sigma, (rows, 1))


def one_large(rng):
    x = normals(rng, 5000, 64)
    x[:, 0] *= 1000
    return x


def outlier(factor):
    def make(rng):
        x = clusters(rng, 10_000, 64)
        x[5] *= factor
        return x

    return make


def scales(rng):
    x = normals(rng, 8000, 64)
    x[:, 32:] *= 1e-3
    return x


def crowds(rng):
    return normals(rng, 8000, 32) + 1e4 * rng.integers(0, 3, (8000, 1))


def counts(rng):
    return rng.poisson(0.1, (8000, 256))


SETS = {
    "one element x 1000": ("l2", one_large),
    "one row x 30": ("l2", outlier(30)),
    "one row x 1000": ("l2", outlier(1000)),
    "far from the origin": ("ip", lambda rng: clusters(rng, 10_000, 64) + 1000),
    "lognormal lengths, sigma 2": ("l2", lambda rng: scaled(rng, 8000, 48, 2)),
    "lognormal lengths, sigma 1": ("ip", lambda rng: scaled(rng, 8000, 48, 1)),
    "two scales": ("l2", scales),
    "crowds far apart": ("l2", crowds),
    "sparse counts": ("cosine", counts),
    "all rows equal": ("l2", lambda rng: np.repeat(normals(rng, 1, 32), 5000, 0)),
    "100 rows of each of 5": ("l2", lambda rng: np.repeat(normals(rng, 5, 32), 120, 0)),
}


def distances(metric, rows, queries):
    rows, queries = rows.astype(np.float64), queries.astype(np.float64)
    products = queries @ rows.T
    if metric == "ip":
        return -products
    if metric == "cosine":
        return 1 - products / np.linalg.norm(queries, axis=1)[:, None] / np.linalg.norm(rows, axis=1)
    return (queries**2).sum(1)[:, None] - 2 * products + (rows**2).sum(1)


def recall(ids, far):
    """By distance; an answer that is missing counts as wrong."""
    limits = np.sort(far, 1)[:, K - 1]
    limits += 1e-6 * np.abs(limits)
    found = (sum(far[i, row] <= limits[i] for row in set(answer) if row >= 0) for i, answer in enumerate(ids))
    return sum(found) / K / len(far)


def write(path, matrix):
    records = np.empty((len(matrix), matrix.shape[1] + 1), "<f4")
    records[:, 0] = np.array([matrix.shape[1]], "<i4").view("<f4")
    records[:, 1:] = matrix
    records.tofile(path)


def vexfs(folder, kind, metric, far):
    def run(*command):
        arguments = [VEXFS, *command, "--kind", kind, "--metric", metric, "--json"]
        output = subprocess.run(arguments, cwd=folder, check=True, capture_output=True, text=True)
        return json.loads(output.stdout)

    effort = run("index", "build", "rows.fvecs")["effort"]
    answers = run("bench", "rows.fvecs", "queries.fvecs", "--k", str(K), "--warmups", "0", "--runs", "1")
    ids = [answer["ids"] for answer in answers["measurement"]["value"]["answers"]]
    return f"{recall(ids, far):.3f} ({effort})"


def hnswlib_ids(metric, rows, queries):
    index = hnswlib.Index(space=metric, dim=rows.shape[1])
    index.init_index(len(rows), M=16, ef_construction=200, random_seed=42)
    index.add_items(rows, num_threads=1)
    index.set_ef(64)
    return index.knn_query(queries, K, num_threads=1)[0]


def faiss_ids(metric, rows, queries):
    if metric == "cosine":
        rows, queries = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (rows, queries))
    lists = 2 * int(len(rows) ** 0.5)
    measure = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
    quantizer = faiss.IndexFlat(rows.shape[1], measure)
    index = faiss.IndexIVFFlat(quantizer, rows.shape[1], lists, measure)
    index.train(rows)
    index.add(rows)
    index.nprobe = 8
    return index.search(queries, K)[1]


def main(names):
    print("| data | metric | VexFS HNSW | VexFS IVF | hnswlib | faiss IVF |\n|---|---|---|---|---|---|")
    for name, (metric, make) in SETS.items():
        if names and name not in names:
            continue
        rng = np.random.default_rng(7)
        data = rng.permutation(make(rng)).astype(np.float32)
        rows, queries = np.ascontiguousarray(data[:-QUERIES]), np.ascontiguousarray(data[-QUERIES:])
        far = distances(metric, rows, queries)
        with tempfile.TemporaryDirectory() as folder:
            write(f"{folder}/rows.fvecs", rows)
            write(f"{folder}/queries.fvecs", queries)
            ours = [vexfs(folder, kind, metric, far) for kind in ("hnsw", "ivf")]
        peers = [f"{recall(ids(metric, rows, queries), far):.3f}" for ids in (hnswlib_ids, faiss_ids)]
        print("|", " | ".join([name, metric, *ours, *peers]), "|", flush=True)


main(sys.argv[1:])
