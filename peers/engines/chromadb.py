# SPDX-License-Identifier: MIT OR Apache-2.0
"""ChromaDB, through its persistent client."""

import os
import shutil

import chromadb

BATCH = 1000
COLLECTION = "vectors"


class Hnsw:
    effort_name = "ef_search"

    def __init__(self, rows, dim, k, folder):
        self.k, self.folder = k, folder
        self.parameters = {"space": "l2", "max_neighbors": 16, "ef_construction": 200, "num_threads": 1}
        self.by_effort = {}

    def add(self, vectors):
        self.collection = open_client(f"{self.folder}/built").create_collection(
            COLLECTION, configuration={"hnsw": self.parameters}, embedding_function=None
        )
        for begin in range(0, len(vectors), BATCH):
            rows = range(begin, min(begin + BATCH, len(vectors)))
            self.collection.add(ids=[str(row) for row in rows], embeddings=vectors[rows.start : rows.stop])

    def save(self):
        """A persistent client has written it."""

    def load(self):
        """Each effort opens its copy."""

    def set_effort(self, effort):
        """A collection that has been searched takes no new ef_search: each effort has a copy, changed before its first search."""
        if effort not in self.by_effort:
            copy = f"{self.folder}/{effort}"
            new = not os.path.exists(copy)
            if new:
                shutil.copytree(f"{self.folder}/built", copy)
            client = open_client(copy)
            if new:
                client.get_collection(COLLECTION, embedding_function=None).modify(configuration={"hnsw": {"ef_search": effort}})
            self.by_effort[effort] = client.get_collection(COLLECTION, embedding_function=None)
            now = self.by_effort[effort].configuration["hnsw"]["ef_search"]
            if now != effort:
                raise RuntimeError(f"ef_search was set to {effort}, but is {now}")
        self.collection = self.by_effort[effort]

    def prepare(self, query):
        return query[None]

    def search(self, query):
        return self.collection.query(query_embeddings=query, n_results=self.k, include=[])

    def ids(self, found):
        return [int(row) for row in found["ids"][0]]


def open_client(path):
    return chromadb.PersistentClient(path=path, settings=chromadb.Settings(anonymized_telemetry=False))


KINDS = {"hnsw": Hnsw}
