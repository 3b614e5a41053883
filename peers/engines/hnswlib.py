# SPDX-License-Identifier: MIT OR Apache-2.0
"""hnswlib."""

import hnswlib


class Hnsw:
    effort_name = "ef"

    def __init__(self, rows, dim, k, folder, threads=1, m=16, ef_construction=200):
        self.k, self.threads = min(k, rows), threads
        self.parameters = {"space": "l2", "M": m, "ef_construction": ef_construction, "random_seed": 42}
        self.file = f"{folder}/index"
        self.index = hnswlib.Index("l2", dim)
        self.index.init_index(rows, M=m, ef_construction=ef_construction, random_seed=42)
        self.set_effort(10)

    def save(self):
        self.index.save_index(self.file)

    def load(self):
        self.index = hnswlib.Index("l2", self.index.dim)
        self.index.load_index(self.file)
        self.index.set_num_threads(1)

    def add(self, vectors):
        self.index.add_items(vectors, num_threads=self.threads)
        self.index.set_num_threads(1)

    def set_effort(self, effort):
        # A smaller one than k would be refused.
        self.index.set_ef(max(self.k, effort))

    def prepare(self, query):
        return query

    def search(self, query):
        return self.index.knn_query(query, k=self.k, num_threads=1)

    def ids(self, found):
        return found[0][0].tolist()


KINDS = {"hnsw": Hnsw}
