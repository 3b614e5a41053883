# SPDX-License-Identifier: MIT OR Apache-2.0
"""Qdrant's engine, in process. (The local mode of qdrant-client is another program, made of NumPy.)"""

import qdrant_edge as qdrant

BATCH = 1000


class Shard:
    """A shard of its own for each kind. `graph` and `optimizers` are what it is configured with."""

    def __init__(self, dim, k, folder, graph=None, optimizers=None):
        self.k, self.folder = k, folder
        self.config = qdrant.EdgeConfig(
            vectors=qdrant.EdgeVectorParams(size=dim, distance=qdrant.Distance.Euclid),
            hnsw_config=graph,
            optimizers=optimizers,
            max_search_threads=1,
        )

    def add(self, vectors):
        self.shard = qdrant.EdgeShard.create(self.folder, self.config)
        for begin in range(0, len(vectors), BATCH):
            rows = enumerate(vectors[begin : begin + BATCH].tolist(), begin)
            points = [qdrant.Point(row, vector) for row, vector in rows]
            self.shard.update(qdrant.UpdateOperation.upsert_points(points))

    def save(self):
        self.shard.flush()

    def load(self):
        self.shard = qdrant.EdgeShard.load(self.folder)

    def search(self, query):
        return self.shard.search(qdrant.SearchRequest(query=query, limit=self.k, params=self.params))

    def prepare(self, query):
        return qdrant.Query.Nearest(query.tolist())

    def ids(self, points):
        return [point.id for point in points]


class Hnsw(Shard):
    effort_name = "hnsw_ef"

    def __init__(self, rows, dim, k, folder):
        graph = {"m": 16, "ef_construct": 200, "full_scan_threshold": 1, "max_indexing_threads": 1}
        # Its default builds no graph for a set that is small.
        optimizers = {"default_segment_number": 1, "indexing_threshold": 1}
        self.parameters = {"distance": "Euclid", **graph, **optimizers}
        graph, optimizers = qdrant.HnswIndexConfig(**graph), qdrant.EdgeOptimizersConfig(**optimizers)
        super().__init__(dim, k, folder, graph, optimizers)
        self.params = qdrant.SearchParams()

    def add(self, vectors):
        super().add(vectors)
        self.shard.optimize()
        indexed = self.shard.info().indexed_vectors_count
        if indexed < len(vectors):
            raise RuntimeError(f"its graph has {indexed} of {len(vectors)} rows only")

    def set_effort(self, effort):
        self.params = qdrant.SearchParams(hnsw_ef=effort)


class Flat(Shard):
    effort_name = ""

    def __init__(self, rows, dim, k, folder):
        self.parameters = {"distance": "Euclid", "exact": True}
        super().__init__(dim, k, folder)
        self.params = qdrant.SearchParams(exact=True)


KINDS = {"hnsw": Hnsw, "flat": Flat}
