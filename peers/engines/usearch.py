# SPDX-License-Identifier: MIT OR Apache-2.0
"""usearch."""

import numpy as np
import usearch.index


class Hnsw:
    effort_name = "expansion_search"

    def __init__(self, rows, dim, k, folder, threads=1, m=16, ef_construction=200):
        self.k, self.threads = k, threads
        self.parameters = {"metric": "l2sq", "dtype": "f32", "connectivity": m, "expansion_add": ef_construction}
        self.file = f"{folder}/index"
        self.index = usearch.index.Index(ndim=dim, **self.parameters)

    def add(self, vectors):
        self.index.add(np.arange(len(vectors)), vectors, threads=self.threads)

    def save(self):
        self.index.save(self.file)

    def load(self):
        self.index.load(self.file)

    def set_effort(self, effort):
        self.index.expansion_search = effort

    def prepare(self, query):
        return query

    def search(self, query):
        return self.index.search(query, self.k, threads=1)

    def ids(self, matches):
        return matches.keys.tolist()


KINDS = {"hnsw": Hnsw}
