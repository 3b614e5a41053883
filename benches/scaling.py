#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""How building and searching grow with the number of rows: clustered workload, 128 elements a row, in process.

    cargo build --release
    benches/scaling.py [--kinds hnsw ivf pq lsh] [--rows 10000 100000 1000000]

Builds on two threads with default parameters and 1,000,000 rows take some minutes and some 2 GB of disk. Searches: one thread, one query a
call, on one core, after a pass that does not count; effort 0 is the index's own default. Memory is the largest of the process
(getrusage), with the rows.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

VEXFS = pathlib.Path(__file__).parent.parent / "target/release/vexfs"
EFFORTS = {"hnsw": [16, 32, 64]}


def peak_of(command, **options):
    """What a process printed, its seconds, and the most memory that it held, in GiB."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed with status {process.returncode}")
    return printed, time.monotonic() - start, usage.ru_maxrss / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=["hnsw", "ivf", "pq", "lsh"])
    parser.add_argument("--rows", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    arguments = parser.parse_args()
    core = max(os.sched_getaffinity(0))

    print(f"{'rows':>8} {'kind':5} {'build s':>8} {'GiB':>6} {'MiB':>7} {'effort':>7} {'recall@10':>9} {'p50 us':>8} {'p99 us':>8} {'GiB':>6}")
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            vectors, queries = f"{folder}/vectors.fvecs", f"{folder}/queries.fvecs"
            generate = [VEXFS, "dataset", "generate", "--workload", "clustered", "--rows", str(rows), "--out", folder]
            subprocess.run(generate, check=True, stdout=subprocess.DEVNULL)
            for kind in arguments.kinds:
                build = [VEXFS, "index", "build", vectors, "--kind", kind, "--threads", "2"]
                _, seconds, built_in = peak_of(build)
                size = os.path.getsize(f"{vectors}.{kind}") / 2**20
                for effort in EFFORTS.get(kind, [0]):
                    search = [VEXFS, "bench", vectors, queries, "--k", "10", "--kind", kind, "--effort", str(effort)]
                    search += ["--warmups", "1", "--runs", "5", "--json"]
                    printed, _, held = peak_of(search, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
                    report = json.loads(printed)
                    latency = report["summary"]["value"]["latency_ns"]
                    print(f"{rows:8} {kind:5} {seconds:8.1f} {built_in:6.2f} {size:7.1f} {effort:7} {report['recall']['value']:9.3f} "
                          f"{latency['p50'] / 1e3:8.1f} {latency['p99'] / 1e3:8.1f} {held:6.2f}", flush=True)


if __name__ == "__main__":
    main()
