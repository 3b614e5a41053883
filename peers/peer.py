#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""One engine in this process, asked over standard input and output, a JSON object a line (docs/peers.md).

    peer.py ENGINE PACKAGE...        ENGINE is a file of engines/; the versions of the packages are told

First it says {"ok": {"versions", "interfaces"}}. Then each request is answered by {"ok": ...} or {"error": SENTENCE}:

    {"build": {"kind", "vectors", "queries", "k", "folder"}}      "insert_ns", "rows", "effort_name", "parameters"
    {"save": {"kind"}}                                            null: another process can open the index
    {"open": {"kind", "vectors", "queries", "k", "folder"}}       null: the index lies there, built and saved
    {"pass": {"kind", "effort"}}                                  "samples_ns", "ids", by query
"""

import importlib
import importlib.metadata
import json
import os
import socket
import sys
import time

import numpy as np


def clock():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def read_fvecs(path):
    dim = int(np.fromfile(path, "<u4", 1)[0])
    rows = np.fromfile(path, "<f4").reshape(-1, dim + 1)
    return np.ascontiguousarray(rows[:, 1:])


def versions(packages):
    """Of those that are installed as packages; a distribution may have them in another way."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def timed_pass(index, prepared):
    """Nanoseconds of each search, of the call alone, and the ids found."""
    samples, found = [], []
    for query in prepared:
        start = clock()
        result = index.search(query)
        samples.append(clock() - start)
        found.append(result)
    return samples, [index.ids(result) for result in found]


class Peer:
    def __init__(self, engine):
        self.engine = importlib.import_module(f"engines.{engine}")
        self.built = {}

    def new(self, kind, vectors, queries, k, folder):
        if kind not in self.engine.KINDS:
            raise ValueError(f"there is no kind {kind} here")
        index = self.engine.KINDS[kind](len(vectors), vectors.shape[1], k, folder)
        return index, [index.prepare(query) for query in read_fvecs(queries)]

    def build(self, kind, vectors, queries, k, folder):
        vectors = read_fvecs(vectors)
        os.mkdir(folder)
        index, prepared = self.new(kind, vectors, queries, k, folder)
        start = clock()
        index.add(vectors)
        index.search(prepared[0])
        insert_ns = clock() - start
        self.built[kind] = index, prepared
        return {
            "insert_ns": insert_ns,
            "rows": len(vectors),
            "effort_name": index.effort_name,
            "parameters": index.parameters,
        }

    def save(self, kind):
        index, _ = self.built[kind]
        index.save()

    def open(self, kind, vectors, queries, k, folder):
        index, prepared = self.new(kind, read_fvecs(vectors), queries, k, folder)
        index.load()
        self.built[kind] = index, prepared

    def pass_(self, kind, effort):
        index, prepared = self.built[kind]
        if index.effort_name:
            index.set_effort(effort)
        samples, ids = timed_pass(index, prepared)
        return {"samples_ns": samples, "ids": ids}


def main():
    engine, *packages = sys.argv[1:]
    # Answers go where standard output went; what an engine prints there must not come between them.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(work, **arguments):
        try:
            said = {"ok": work(**arguments)}
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}" if str(error) else type(error).__name__}
        print(json.dumps(said), file=answers)
        return said

    peer = None

    def begin():
        nonlocal peer
        peer = Peer(engine)
        return {"versions": versions(packages), "interfaces": [name for _, name in socket.if_nameindex()]}

    if "ok" in answer(begin):
        for line in sys.stdin:
            ((request, arguments),) = json.loads(line).items()
            work = {"build": peer.build, "save": peer.save, "open": peer.open, "pass": peer.pass_}[request]
            answer(work, **arguments)


if __name__ == "__main__":
    main()
