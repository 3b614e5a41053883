# SPDX-License-Identifier: MIT OR Apache-2.0
"""faiss, called below its Python wrapper."""

import math

import faiss
import numpy as np


class Index:
    """A subclass makes `index`, and tells by `effort_name` and `set_effort` how hard it tries."""

    effort_name = ""

    def __init__(self, k, folder, threads=1):
        self.k, self.threads = k, threads
        self.file = f"{folder}/index"

    def add(self, vectors):
        faiss.omp_set_num_threads(self.threads)
        self.index.train(vectors)
        self.index.add(vectors)
        faiss.omp_set_num_threads(1)

    def save(self):
        faiss.write_index(self.index, self.file)

    def load(self):
        self.index = faiss.read_index(self.file)

    def prepare(self, query):
        query = np.ascontiguousarray(query)
        distances, ids = np.empty(self.k, "<f4"), np.empty(self.k, "<i8")
        return [faiss.swig_ptr(array) for array in (query, distances, ids)], (query, distances, ids)

    def search(self, prepared):
        (query, distances, ids), arrays = prepared
        self.index.search_c(1, query, self.k, distances, ids)
        return arrays[2]

    def ids(self, found):
        return found.tolist()


class Flat(Index):
    def __init__(self, rows, dim, k, folder):
        super().__init__(k, folder)
        self.parameters = {"index": "IndexFlatL2"}
        self.index = faiss.IndexFlatL2(dim)


class Hnsw(Index):
    effort_name = "efSearch"

    def __init__(self, rows, dim, k, folder, threads=1, m=16, ef_construction=200):
        super().__init__(k, folder, threads)
        self.parameters = {"index": "IndexHNSWFlat", "M": m, "efConstruction": ef_construction}
        self.index = faiss.IndexHNSWFlat(dim, m)
        self.index.hnsw.efConstruction = ef_construction

    def set_effort(self, effort):
        self.index.hnsw.efSearch = effort


class Ivf(Index):
    effort_name = "nprobe"

    def __init__(self, rows, dim, k, folder, lists=None):
        super().__init__(k, folder)
        lists = lists or math.isqrt(rows)
        self.parameters = {"index": "IndexIVFFlat", "nlist": lists}
        self.quantizer = faiss.IndexFlatL2(dim)
        self.index = faiss.IndexIVFFlat(self.quantizer, dim, lists)

    def set_effort(self, effort):
        self.index.nprobe = effort


class Refined(Index):
    """`base` finds k_factor x k rows by short codes; of these the exact distances decide."""

    effort_name = "k_factor"

    def __init__(self, k, folder, base):
        super().__init__(k, folder)
        self.base = base
        self.index = faiss.IndexRefineFlat(base)

    def set_effort(self, effort):
        self.index.k_factor = effort


class Pq(Refined):
    def __init__(self, rows, dim, k, folder, m=None):
        m = m or dim // 2
        self.parameters = {"index": "IndexPQFastScan + IndexRefineFlat", "M": m, "nbits": 4}
        super().__init__(k, folder, faiss.IndexPQFastScan(dim, m, 4))


class Lsh(Refined):
    def __init__(self, rows, dim, k, folder, bits=None):
        bits = bits or 4 * dim
        self.parameters = {"index": "IndexLSH + IndexRefineFlat", "nbits": bits}
        super().__init__(k, folder, faiss.IndexLSH(dim, bits))


KINDS = {"flat": Flat, "hnsw": Hnsw, "ivf": Ivf, "pq": Pq, "lsh": Lsh}
